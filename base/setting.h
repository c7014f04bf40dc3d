/*
 * setting.h - the settings: one table (base/setting.def), read once at start.
 *
 * Order: environment, over a .env file (base/env_file.h; it may be missing),
 * over defaults. An empty value means the default. Unknown keys in .env
 * and malformed or out-of-range values are errors that name the key. Unknown
 * environment variables belong to others and are ignored, except those that
 * start with TINTYPE_.
 *
 *     struct settings *s = settings_load(".env", &e);
 *     const char *url = setting_str(s, SET_COMFYUI_URL);   "" when unset
 */
#ifndef BASE_SETTING_H
#define BASE_SETTING_H

#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/err.h"

enum setting_type { SETTING_STR, SETTING_INT, SETTING_BOOL, SETTING_SECRET };

enum setting_id {
#define SETTING(id, type, dflt, min, max, roles, text) SET_##id,
#include "base/setting.def"
#undef SETTING
    SETTING_COUNT
};

struct setting_row {
    const char *name;
    enum setting_type type;
    const char *dflt; /* as text; "" = unset */
    int64_t min, max; /* of SETTING_INT */
    const char *roles; /* "bot", "backend", "worker", "all", ... */
    const char *text;  /* one sentence, with the unit */
};
extern const struct setting_row setting_table[SETTING_COUNT];

struct settings;

/* env_file may be NULL. NULL on error. Registers SECRETs with the log. */
struct settings *settings_load(const char *env_file, struct err *e);
void settings_free(struct settings *s);
const char *setting_str(const struct settings *s, enum setting_id id);
int64_t setting_int(const struct settings *s, enum setting_id id);
bool setting_bool(const struct settings *s, enum setting_id id);
bool setting_is_set(const struct settings *s, enum setting_id id); /* not default */
/* By a role that fills in what was left out (generated secrets, sockets). */
int setting_put(struct settings *s, enum setting_id id, const char *value,
                struct err *e);
/* KEY=value lines, secrets as ***; for doctor and the start-up log. */
void settings_dump(const struct settings *s, struct buf *out);
/* The table as Markdown; docs/OPERATING.md carries it, a test compares. */
void settings_markdown(struct buf *out);

#endif
