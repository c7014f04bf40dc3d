/*
 * queue.c - GET /queue: how long it is, and where one prompt stands in it.
 */
#include "comfy/queue.h"

#include <math.h>
#include <string.h>
#include "comfy/answer.h"

/* An item is [number, prompt_id, prompt, extra_data, outputs]. */
static const char *
item_id(const cJSON *item)
{
    const cJSON *id = cJSON_IsArray(item) ? cJSON_GetArrayItem(item, 1) : NULL;

    return cJSON_IsString(id) ? id->valuestring : "";
}

static double
item_number(const cJSON *item)
{
    double n;

    return json_to_num(item->child, &n) ? n : INFINITY;
}

static const cJSON *
find(const cJSON *items, const char *prompt_id)
{
    const cJSON *item;

    if (!prompt_id || !*prompt_id)
        return NULL;
    cJSON_ArrayForEach (item, items)
        if (strcmp(item_id(item), prompt_id) == 0)
            return item;
    return NULL;
}

/* The list is a heap: only sorting by number, then id, gives the order. */
static size_t
count_ahead(const cJSON *pending, const cJSON *ours)
{
    double number = item_number(ours);
    const cJSON *item;
    size_t n = 0;

    cJSON_ArrayForEach (item, pending) {
        double other = cJSON_IsArray(item) ? item_number(item) : INFINITY;
        if (item != ours &&
            (other < number ||
             (other <= number && strcmp(item_id(item), item_id(ours)) < 0)))
            n++;
    }
    return n;
}

static size_t
count(const cJSON *items)
{
    const cJSON *item;
    size_t n = 0;

    cJSON_ArrayForEach (item, items)
        n++;
    return n;
}

const char *
comfy_state_name(enum comfy_state s)
{
    static const char *const names[] = {"unknown", "pending", "running",
                                        "finished"};
    return names[s];
}

int
comfy_queue_parse(struct str body, const char *prompt_id,
                  struct comfy_queue *out, struct err *e)
{
    struct arena *a = arena_new();
    const cJSON *j = comfy_json(a, body, e), *ours;
    const cJSON *running = json_get(j, "queue_running");
    const cJSON *pending = json_get(j, "queue_pending");
    int rc = -1;

    *out = (struct comfy_queue){.state = COMFY_UNKNOWN};
    if (!j)
        goto out;
    if (!cJSON_IsArray(running) || !cJSON_IsArray(pending)) {
        err_set(e, ERR_BAD_INPUT, "there are no queues in the answer");
        goto out;
    }
    out->running = count(running);
    out->pending = count(pending);
    ours = find(pending, prompt_id);
    if (ours) {
        out->state = COMFY_PENDING;
        out->ahead = count_ahead(pending, ours);
    }
    if (find(running, prompt_id))
        out->state = COMFY_RUNNING;
    rc = 0;
out:
    arena_free(a);
    return rc;
}
