/*
 * hash.h - SHA-256, HMAC, encodings, constant-time comparison (OpenSSL EVP).
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdbool.h>
#include "base/arena.h"
#include "base/str.h"

#define SHA256_LEN 32
#define SHA256_HEX 65 /* with NUL */

struct sha256; /* running hash */

struct sha256 *sha256_new(void);
void sha256_add(struct sha256 *h, const void *p, size_t n);
void sha256_end(struct sha256 *h, unsigned char out[SHA256_LEN]); /* frees */
void sha256_hex(struct str s, char out[SHA256_HEX]);
void hex_encode(const void *p, size_t n, char *out); /* 2n + 1 bytes */
void hmac_sha256(struct str key, struct str data,
                 unsigned char out[SHA256_LEN]);
/* Time does not depend on the content; lengths may differ (false). */
bool ct_equal(struct str a, struct str b);
char *base64_encode(struct arena *a, struct str s);
/* Strict: padding right, no white space; false otherwise. */
bool base64_decode(struct arena *a, struct str s, struct str *out);

#endif
