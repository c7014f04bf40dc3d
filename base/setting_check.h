/*
 * setting_check.h - what a setting's value may be. For base/setting.c; others
 * use setting.h.
 */
#ifndef BASE_SETTING_CHECK_H
#define BASE_SETTING_CHECK_H

#include "base/setting.h"

/*
 * value is not empty. *number is that of an INT or BOOL, else 0. BAD_INPUT
 * names the setting, and the value unless it is a secret.
 */
int setting_check(enum setting_id id, const char *value, int64_t *number,
                  struct err *e);

#endif
