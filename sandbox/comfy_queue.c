/*
 * comfy_queue.c - the queue as Python's heapq keeps it (contract 1.2, 1.5).
 *
 * GET /queue shows the raw array, so the sift steps are heapq's own. Tuples
 * compare number, then id, then the prompt: two different dicts there have no
 * order and Python raises, after the item was appended.
 */
#include <string.h>

#include "base/mem.h"
#include "sandbox/comfy.h"

void
comfy_item_free(struct comfy_item *i)
{
    if (i)
        arena_free(i->a); /* the item lives in it */
}

/* x < y; *raised when Python could not say. */
static bool
is_less(const struct comfy_item *x, const struct comfy_item *y, bool *raised)
{
    int c;

    if (x->number != y->number)
        return x->number < y->number;
    c = strcmp(x->id, y->id);
    if (c != 0)
        return c < 0;
    if (strcmp(x->prompt_json, y->prompt_json) != 0 ||
        strcmp(x->extra_json, y->extra_json) != 0)
        *raised = true;
    return false;
}

/* Moves the item at `at` towards the root. False: raised; the item that was
 * being moved is then where heapq leaves it: in its first place. */
static bool
sift_down(struct comfy_queue *q, size_t start, size_t at)
{
    struct comfy_item *item = q->heap[at];
    bool raised = false;

    while (at > start) {
        size_t parent = (at - 1) / 2;

        if (!is_less(item, q->heap[parent], &raised)) {
            if (!raised)
                break;
            q->heap[at] = item;
            return false;
        }
        q->heap[at] = q->heap[parent];
        at = parent;
    }
    q->heap[at] = item;
    return true;
}

/* heapq goes all the way to a leaf and then up again. */
static void
sift_up(struct comfy_queue *q, size_t at)
{
    struct comfy_item *item = q->heap[at];
    size_t start = at, child = 2 * at + 1;
    bool raised = false;

    while (child < q->n) {
        size_t right = child + 1;

        if (right < q->n && !is_less(q->heap[child], q->heap[right], &raised))
            child = right;
        q->heap[at] = q->heap[child];
        at = child;
        child = 2 * at + 1;
    }
    q->heap[at] = item;
    sift_down(q, start, at);
}

bool
comfy_queue_push(struct comfy_queue *q, struct comfy_item *i)
{
    if (q->n == q->cap) {
        q->cap = q->cap ? q->cap * 2 : 64;
        q->heap = mem_realloc(q->heap, q->cap * sizeof(*q->heap));
    }
    q->heap[q->n++] = i;
    return sift_down(q, 0, q->n - 1);
}

struct comfy_item *
comfy_queue_pop(struct comfy_queue *q)
{
    struct comfy_item *top, *last;

    if (q->n == 0)
        return NULL;
    last = q->heap[--q->n];
    if (q->n == 0)
        return last;
    top = q->heap[0];
    q->heap[0] = last;
    sift_up(q, 0);
    return top;
}

struct comfy_item *
comfy_queue_remove(struct comfy_queue *q, const char *id)
{
    for (size_t i = 0; i < q->n; i++) {
        struct comfy_item *item = q->heap[i];

        if (strcmp(item->id, id) != 0)
            continue;
        memmove(q->heap + i, q->heap + i + 1,
                (q->n - i - 1) * sizeof(*q->heap));
        q->n--;
        for (size_t k = q->n / 2; k-- > 0;)
            sift_up(q, k); /* heapify */
        return item;
    }
    return NULL;
}

void
comfy_queue_clear(struct comfy_queue *q)
{
    while (q->n > 0)
        comfy_item_free(q->heap[--q->n]);
}

void
comfy_queue_fini(struct comfy_queue *q)
{
    comfy_queue_clear(q);
    mem_free(q->heap);
    *q = (struct comfy_queue){0};
}
