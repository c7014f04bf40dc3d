/*
 * yaml.h - a YAML document as a JSON tree (libyaml, core schema).
 *
 * Presets and scenarios are YAML; all later code sees JSON. Refused by line:
 * duplicate keys, tags other than the core ones, more than 20,000 nodes
 * (alias bombs), depth over 32, more than one document. Plain scalars become
 * null, bool (true/false only), integer, float or text; quoted ones text.
 * Also refused: merge keys, NUL in texts, infinities and NaN.
 */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include "base/json.h"

#define YAML_BYTES_MAX (256 * 1024) /* more: ERR_TOO_LARGE */

/* NULL on error; the sentence starts with "line N: ". Free with json_free. */
cJSON *yaml_parse(struct str text, struct err *e);
/* Line (1-based) where the node of a path such as "tasks.0.slots" stands in
 * the text (of its key, if it has one); 0 when unknown. */
int yaml_line(struct str text, const char *path);

#endif
