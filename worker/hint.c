/*
 * hint.c - see hint.h.
 */
#include "worker/hint.h"

#include <string.h>
#include "base/id.h"
#include "base/json.h"

static int
id_take(struct str s, char id[HINT_ID_BYTES], struct err *e)
{
    if (!id_is_task(s))
        return err_set(e, ERR_BAD_INPUT, "no task id in it");
    memcpy(id, s.p, HINT_ID_BYTES - 1);
    id[HINT_ID_BYTES - 1] = '\0';
    return 0;
}

static int
json_take(struct str raw, char id[HINT_ID_BYTES], struct err *e)
{
    cJSON *j = json_parse(raw, JSON_NAN, e);
    int rc;

    if (j == NULL)
        return err_wrap(e, "neither a task id nor JSON");
    rc = id_take(
        str_c(cJSON_IsString(j) ? j->valuestring : json_str(j, "id", "")), id,
        e);
    json_free(j);
    return rc;
}

int
hint_parse(struct str raw, char id[HINT_ID_BYTES], struct err *e)
{
    struct str s = str_trim(raw);

    if (raw.len > HINT_BYTES_MAX)
        return err_set(e, ERR_BAD_INPUT, "%zu bytes, at most %d are read",
                       raw.len, HINT_BYTES_MAX);
    return id_is_task(s) ? id_take(s, id, e) : json_take(s, id, e);
}
