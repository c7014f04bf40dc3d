/*
 * comfy_exec_int.h - what the two halves of running a prompt share:
 * comfy_exec.c runs, comfy_exec_message.c words what history says of it.
 */
#ifndef SANDBOX_COMFY_EXEC_INT_H
#define SANDBOX_COMFY_EXEC_INT_H

#include "sandbox/comfy_exec.h"

#define MESSAGES_MAX ((size_t)64 << 20)

struct exec_node {
    struct py *node;
    const struct node_class *class;
    const struct py *inputs;
    char signature[SHA256_HEX];
    bool signing; /* its ancestors are being signed: a circle comes back */
    bool needed, done, ran;
    struct cached *result;
};

struct run {
    const struct exec_job *job;
    struct exec_result *r;
    struct exec_node *nodes;
    size_t n;
    bool paused;
};

/* The messages that are stored (contract 2.2, 2.4). */
void run_message_plain(struct run *x, const char *name);
void run_message_cached(struct run *x);
void run_message_interrupted(struct run *x, const struct exec_node *k);
void run_message_error(struct run *x, const struct exec_node *k,
                       const struct node_call *c);

#endif
