/*
 * contract.h - holds an answer of the backend against its /openapi.json.
 */
#ifndef TESTS_SUPPORT_CONTRACT_H
#define TESTS_SUPPORT_CONTRACT_H

#include "base/err.h"
#include "base/json.h"

struct contract_answer {
    const char *method, *path; /* as asked, without the query */
    int status;
    const char *type; /* content type */
    struct str body;
};

/* -1 names what is not as doc says: the path, the status, the content type, a
 * member that is missing, of another type or not described. */
int contract_check(const cJSON *doc, const struct contract_answer *a,
                   struct err *e);

#endif
