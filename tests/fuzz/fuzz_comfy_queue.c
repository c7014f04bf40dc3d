/*
 * fuzz_comfy_queue.c - any bytes as a queue: counts and places agree. The
 * second element of the first pending item is the prompt that is asked for.
 */
#include <assert.h>
#include <string.h>
#include "comfy/answer.h"
#include "comfy/queue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new();
    struct str body = str_n((const char *)data, size);
    const cJSON *j = comfy_json(a, body, NULL);
    const cJSON *id = json_path(j, "queue_pending.0.1");
    struct comfy_queue q;
    struct err e;
    bool understood = comfy_queue_parse(body, NULL, &q, &e) == 0;

    assert(!understood || (q.state == COMFY_UNKNOWN && q.ahead == 0));
    if (understood && cJSON_IsString(id) && comfy_id_ok(id->valuestring) &&
        cJSON_IsArray(json_path(j, "queue_pending.0"))) {
        assert(comfy_queue_parse(body, id->valuestring, &q, &e) == 0);
        assert(q.state == COMFY_PENDING || q.state == COMFY_RUNNING);
        assert(q.ahead < q.pending && comfy_state_name(q.state));
    }
    arena_free(a);
    return 0;
}
