/*
 * comfy_nodes_quantize.c - few colours: median cut, and three ways of using
 * the palette (contract 6.3).
 *
 * Pillow's cut: of all boxes the one with most pixels is cut, along the side
 * that is longest when weighted as the eye sees it, where just over half of
 * its pixels are on the bright side; a box's colour is the mean of its
 * pixels. Pictures with very many colours are counted in coarser steps.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "sandbox/comfy_node.h"

#define DISTINCT_MAX 65536 /* colours that are told apart */
#define SLOTS (2 * DISTINCT_MAX)
#define COLORS_MAX 256
#define BAYER_MAX 16

struct color {
    uint8_t v[3]; /* low bits cut off */
    uint32_t n;
    uint64_t sum[3]; /* of the true values */
};

struct census {
    int shift; /* bits that are cut off */
    size_t n;
    struct color *colors;
    uint32_t *slots; /* index + 1 into colors, by hash; 0: free */
};

struct box {
    size_t from, to; /* in census.colors */
    uint64_t n;      /* pixels */
};

struct palette {
    int n;
    uint8_t rgb[COLORS_MAX][3];
};

/* False: too many colours for this shift. */
static bool
census_add(struct census *k, const uint8_t *p)
{
    uint8_t v[3];
    uint32_t h = 0;
    struct color *c;

    for (int i = 0; i < 3; i++) {
        v[i] = (uint8_t)(p[i] >> k->shift << k->shift);
        h = (h ^ v[i]) * 0x9e3779b1u;
    }
    h >>= 15; /* SLOTS is 2^17 */
    while (k->slots[h] && memcmp(k->colors[k->slots[h] - 1].v, v, 3) != 0)
        h = (h + 1) % SLOTS;
    if (!k->slots[h]) {
        if (k->n == DISTINCT_MAX)
            return false;
        memcpy(k->colors[k->n].v, v, 3);
        k->slots[h] = (uint32_t)++k->n;
    }
    c = &k->colors[k->slots[h] - 1];
    c->n++;
    for (int i = 0; i < 3; i++)
        c->sum[i] += p[i];
    return true;
}

static void
census_take(struct census *k, const uint8_t *rgb, size_t pixels)
{
    size_t i = 0;

    *k = (struct census){0};
    k->colors = mem_calloc(DISTINCT_MAX, sizeof(*k->colors));
    k->slots = mem_calloc(SLOTS, sizeof(*k->slots));
    while (i < pixels) {
        if (census_add(k, rgb + 3 * i)) {
            i++;
            continue;
        }
        k->shift++; /* once more, coarser */
        memset(k->colors, 0, k->n * sizeof(*k->colors));
        memset(k->slots, 0, SLOTS * sizeof(*k->slots));
        k->n = 0;
        i = 0;
    }
}

static void
census_free(struct census *k)
{
    mem_free(k->colors);
    mem_free(k->slots);
}

/* The side to cut along; -1: the box is one colour. */
static int
longest_side(const struct census *k, const struct box *x)
{
    static const int weights[3] = {77, 150, 29};
    int best = -1, best_len = 0;

    for (int c = 0; c < 3; c++) {
        int low = 255, high = 0;

        for (size_t i = x->from; i < x->to; i++) {
            int v = k->colors[i].v[c];

            low = v < low ? v : low;
            high = v > high ? v : high;
        }
        if ((high - low) * weights[c] > best_len) {
            best_len = (high - low) * weights[c];
            best = c;
        }
    }
    return best;
}

/* The least value of the bright part: just over half of the pixels, and not
 * all of them. */
static int
cut_value(const struct census *k, const struct box *x, int side)
{
    uint64_t at[256] = {0}, sum = 0;
    int lowest = 255, v = 255;

    for (size_t i = x->from; i < x->to; i++) {
        int value = k->colors[i].v[side];

        at[value] += k->colors[i].n;
        lowest = value < lowest ? value : lowest;
    }
    for (; v > 0; v--) {
        sum += at[v];
        if (sum * 2 > x->n)
            break;
    }
    return v > lowest ? v : lowest + 1;
}

/* The bright part stays in x, the rest becomes y. False: one colour. */
static bool
cut(struct census *k, struct box *x, struct box *y)
{
    int side = longest_side(k, x), value;
    size_t i = x->from;
    uint64_t n = 0;

    if (side < 0)
        return false;
    value = cut_value(k, x, side);
    *y = *x;
    for (size_t j = x->from; j < x->to; j++) {
        struct color swap = k->colors[j];

        if (swap.v[side] < value)
            continue;
        n += swap.n;
        k->colors[j] = k->colors[i];
        k->colors[i++] = swap;
    }
    x->to = y->from = i;
    y->n = x->n - n;
    x->n = n;
    return true;
}

static void
mean_color(const struct census *k, const struct box *x, uint8_t out[3])
{
    uint64_t sum[3] = {0};

    assert(x->n > 0);
    for (size_t i = x->from; i < x->to; i++)
        for (int c = 0; c < 3; c++)
            sum[c] += k->colors[i].sum[c];
    for (int c = 0; c < 3; c++)
        out[c] = (uint8_t)((sum[c] + x->n / 2) / x->n);
}

static void
palette_make(struct palette *p, const uint8_t *rgb, size_t pixels, int colors)
{
    struct box boxes[COLORS_MAX];
    bool whole[COLORS_MAX] = {false}; /* one colour: not to be cut */
    struct census k;
    int n = 1;

    census_take(&k, rgb, pixels);
    boxes[0] = (struct box){0, k.n, pixels};
    while (n < colors) {
        int best = -1;

        for (int i = 0; i < n; i++)
            if (!whole[i] && (best < 0 || boxes[i].n > boxes[best].n))
                best = i;
        if (best < 0)
            break; /* fewer colours than asked for */
        if (cut(&k, &boxes[best], &boxes[n]))
            n++;
        else
            whole[best] = true;
    }
    p->n = n;
    for (int i = 0; i < n; i++)
        mean_color(&k, &boxes[i], p->rgb[i]);
    census_free(&k);
}

/* ---- use of a palette ---- */

static const uint8_t *
nearest(const struct palette *p, int r, int g, int b)
{
    const uint8_t *best = p->rgb[0];
    int best_far = INT32_MAX;

    for (int i = 0; i < p->n; i++) {
        int dr = r - p->rgb[i][0], dg = g - p->rgb[i][1];
        int db = b - p->rgb[i][2];
        int far = dr * dr + dg * dg + db * db;

        if (far < best_far) {
            best_far = far;
            best = p->rgb[i];
        }
    }
    return best;
}

/* Equal neighbours are common: the last answer is kept. */
static void
map_plain(const struct palette *p, uint8_t *rgb, size_t pixels)
{
    uint8_t last[3] = {0};
    const uint8_t *found = nearest(p, 0, 0, 0);

    for (size_t i = 0; i < pixels; i++, rgb += 3) {
        if (memcmp(rgb, last, 3) != 0) {
            memcpy(last, rgb, 3);
            found = nearest(p, rgb[0], rgb[1], rgb[2]);
        }
        memcpy(rgb, found, 3);
    }
}

static int
clip_byte(int v)
{
    return v < 0 ? 0 : v > 255 ? 255 : v;
}

/* Floyd and Steinberg: what was lost goes to the neighbours not yet seen. */
static void
map_diffused(const struct palette *p, uint8_t *rgb, int w, int h)
{
    size_t len = ((size_t)w + 2) * 3;
    int *errors = mem_calloc(2 * len, sizeof(*errors));

    for (int y = 0; y < h; y++) {
        int *now = errors + (size_t)(y & 1) * len + 3;
        int *below = errors + (size_t)(~y & 1) * len + 3;

        memset(below - 3, 0, len * sizeof(*below));
        for (int x = 0; x < w; x++, rgb += 3) {
            int v[3];
            const uint8_t *found;

            for (int c = 0; c < 3; c++)
                v[c] = clip_byte(rgb[c] + now[x * 3 + c] / 16);
            found = nearest(p, v[0], v[1], v[2]);
            for (int c = 0; c < 3; c++) {
                int lost = v[c] - found[c];

                now[(x + 1) * 3 + c] += lost * 7;
                below[(x - 1) * 3 + c] += lost * 3;
                below[x * 3 + c] += lost * 5;
                below[(x + 1) * 3 + c] += lost;
                rgb[c] = found[c];
            }
        }
    }
    mem_free(errors);
}

/* -0.5..0.5: the matrix of side 2n is made of four of side n. */
static float
bayer(int x, int y, int order)
{
    static const float quad[2][2] = {{-1.5f, 0.5f}, {1.5f, -0.5f}};
    float v = 0;

    for (int side = order; side > 1; side /= 2)
        v +=
            quad[y / (side / 2) & 1][x / (side / 2) & 1] / (float)(side * side);
    return v;
}

static void
add_bayer(uint8_t *rgb, int w, int h, int order, int colors)
{
    float spread = 2.0f * 256.0f / (float)colors;
    float matrix[BAYER_MAX][BAYER_MAX];

    for (int y = 0; y < order; y++)
        for (int x = 0; x < order; x++)
            matrix[y][x] = spread * bayer(x, y, order) + 0.5f;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++, rgb += 3)
            for (int c = 0; c < 3; c++)
                rgb[c] = (uint8_t)clip_byte(
                    (int)floorf((float)rgb[c] + matrix[y % order][x % order]));
}

/* ---- the node ---- */

static void
quantize_plane(const struct tensor *t, struct tensor *r, int n, int colors,
               int dither)
{
    size_t pixels = (size_t)t->w * (size_t)t->h;
    uint8_t *rgb = mem_alloc(pixels * 3);
    const float *p = tensor_row_of(t, n, 0);
    float *out = tensor_row(r, n, 0);
    struct palette palette;

    for (size_t i = 0; i < pixels; i++)
        for (size_t c = 0; c < 3; c++)
            rgb[i * 3 + c] = (uint8_t)clip_byte(
                (int)(clamp01(p[i * (size_t)t->c + c]) * 255.0f));
    palette_make(&palette, rgb, pixels, colors);
    if (dither > 1)
        add_bayer(rgb, t->w, t->h, 1 << (dither - 1), palette.n);
    if (dither == 1)
        map_diffused(&palette, rgb, t->w, t->h);
    else
        map_plain(&palette, rgb, pixels);
    for (size_t i = 0; i < pixels * 3; i++)
        out[i] = (float)rgb[i] / 255.0f;
    mem_free(rgb);
}

int
node_image_quantize(struct node_call *c)
{
    /* bayer-2 .. bayer-16 are 2 .. 5: 1 << (i - 1) is their side */
    static const char *const dithers[] = {
        "none",    "floyd-steinberg", "bayer-2", "bayer-4",
        "bayer-8", "bayer-16",        NULL};
    const struct tensor *t = node_image(c, "image");
    int dither = node_choice(c, "dither", dithers);
    struct tensor *r;

    if (dither < 0)
        return node_fail(c, "UnboundLocalError",
                         "cannot access local variable 'quantized_image' "
                         "where it is not associated with a value");
    r = tensor_new(t->n, t->h, t->w, 3);
    if (!r)
        return node_oom(c);
    for (int n = 0; n < t->n; n++)
        quantize_plane(t, r, n, (int)node_int(c, "colors", 256), dither);
    return node_give_image(c, 0, r);
}
