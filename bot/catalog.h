/*
 * catalog.h - what is on sale, as the bot shows it: GET /api/presets, at most
 * CATALOG_AGE_MS old.
 *
 *     const struct bot_catalog *c = bot_shop_get(shop, false, &e);
 *     ...
 *     bot_shop_put(shop, c);
 *
 * A catalogue does not change once it is made and may be shared by threads.
 */
#ifndef BOT_CATALOG_H
#define BOT_CATALOG_H

#include "api/client.h"
#include "model/preset.h"

#define CATALOG_AGE_MS 5000

struct bot_preset {
    struct preset p; /* name, texts, price, seconds (0: unknown), form */
    bool available;  /* false: temporarily away, sells nothing */
};

struct bot_category {
    const char *id;
    struct preset_text title;
    const char *icon; /* of its first preset */
    size_t n;         /* presets in it */
};

struct bot_kept;
struct bot_catalog {
    const struct bot_preset *items; /* category by category */
    size_t n;
    const struct bot_category *categories;
    size_t n_categories;
    struct bot_kept *own; /* the cache's; NULL for one made by hand */
};

/* Pure: the answer of GET /api/presets; borrows its texts. A preset that
 * cannot be understood (a newer backend's) is logged and left out. */
void bot_catalog_read(struct arena *a, const struct api_preset_list *list,
                      struct bot_catalog *out);
/* NULL when it is not sold. */
const struct bot_preset *bot_catalog_find(const struct bot_catalog *c,
                                          const char *name);
const struct bot_category *bot_catalog_category(const struct bot_catalog *c,
                                                const char *id);

/* The cache; api is borrowed. */
struct bot_shop;
struct bot_shop *bot_shop_new(struct api_client *api);
void bot_shop_free(struct bot_shop *s);
/* fresh: asks the backend now, for a price has changed. While the backend is
 * away the last catalogue goes on serving; NULL and e when there is none. */
const struct bot_catalog *bot_shop_get(struct bot_shop *s, bool fresh,
                                       struct err *e);
/* The next one who gets a catalogue asks the backend. */
void bot_shop_expire(struct bot_shop *s);
void bot_shop_put(struct bot_shop *s, const struct bot_catalog *c);

#endif
