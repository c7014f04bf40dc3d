/*
 * yaml_scalar.h - what a plain scalar means. For base/yaml.c; others use
 * yaml.h.
 */
#ifndef BASE_YAML_SCALAR_H
#define BASE_YAML_SCALAR_H

#include "base/json.h"

/* A new node; s must be followed by a NUL. */
cJSON *yaml_plain(struct str s);
/* s is one of the words, which are separated by spaces. */
bool yaml_word_in(struct str s, const char *words);

#endif
