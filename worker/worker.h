/*
 * worker.h - takes tasks, has ComfyUI do them, delivers.
 *
 *   Redis --hint--> slot threads --claim--> backend
 *                        |  inputs, graph, prompt: run.h
 *                        v
 *                    ComfyUI addresses: address.h
 *
 * Beside the slot threads run: one thread per address (is it there? what can
 * it run? probe.h), the heartbeat (heartbeat.h), the sender (deliver.h). The
 * worker has no database; what must survive is with the backend, and every
 * write there carries the attempt of the claim (protocols 5, 6).
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "api/client.h"
#include "base/setting.h"
#include "base/thread.h"
#include "io/redis.h"
#include "telegram/client.h"
#include "worker/address.h"

#define WORKER_SERVICE "image-service"

struct beat;
struct deliver;
struct runs;
struct scenarios;

struct worker {
    const struct settings *set;
    char id[64];   /* held by a lock file */
    char boot[24]; /* new at each start */
    char host[64];
    struct api_client *api;
    struct tg *tg;
    bool has_redis;
    struct redis_config redis;
    struct addresses *addresses;
    struct scenarios *scenarios;
    struct runs *runs;
    struct deliver *deliver;
    struct beat *beat;
    struct stop stop;
};

/* tintype worker: 0 after SIGTERM, 1 when it could not start. */
int worker_main(int argc, char **argv);

#endif
