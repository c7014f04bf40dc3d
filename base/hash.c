/*
 * hash.c - SHA-256, HMAC, encodings, constant-time comparison.
 */
#include "base/hash.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/mem.h"

struct sha256 {
    EVP_MD_CTX *ctx;
};

static const char hex[] = "0123456789abcdef";
static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* OpenSSL refuses SHA-256 only when memory is out or its setup is broken. */
struct sha256 *
sha256_new(void)
{
    struct sha256 *h = mem_alloc(sizeof(*h));
    int rc;

    h->ctx = EVP_MD_CTX_new();
    assert(h->ctx != NULL);
    rc = EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL);
    assert(rc == 1);
    return h;
}

void
sha256_add(struct sha256 *h, const void *p, size_t n)
{
    int rc = n == 0 ? 1 : EVP_DigestUpdate(h->ctx, p, n);

    assert(rc == 1);
}

void
sha256_end(struct sha256 *h, unsigned char out[SHA256_LEN])
{
    int rc = EVP_DigestFinal_ex(h->ctx, out, NULL);

    assert(rc == 1);
    EVP_MD_CTX_free(h->ctx);
    mem_free(h);
}

void
sha256_hex(struct str s, char out[SHA256_HEX])
{
    unsigned char sum[SHA256_LEN];
    struct sha256 *h = sha256_new();

    sha256_add(h, s.p, s.len);
    sha256_end(h, sum);
    hex_encode(sum, sizeof(sum), out);
}

void
hex_encode(const void *p, size_t n, char *out)
{
    const unsigned char *b = p;

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = hex[b[i] >> 4];
        out[2 * i + 1] = hex[b[i] & 15];
    }
    out[2 * n] = '\0';
}

void
hmac_sha256(struct str key, struct str data, unsigned char out[SHA256_LEN])
{
    static const unsigned char none[1];
    const void *k = key.len == 0 ? (const void *)none : key.p;
    const unsigned char *d =
        data.len == 0 ? none : (const unsigned char *)data.p;
    const unsigned char *done;

    assert(key.len <= INT_MAX);
    done = HMAC(EVP_sha256(), k, (int)key.len, d, data.len, out, NULL);
    assert(done != NULL);
}

bool
ct_equal(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    return a.len == 0 || CRYPTO_memcmp(a.p, b.p, a.len) == 0;
}

char *
base64_encode(struct arena *a, struct str s)
{
    char *out = arena_alloc(a, (s.len + 2) / 3 * 4 + 1);
    char *to = out;

    for (size_t i = 0; i < s.len; i += 3) {
        struct str part = str_sub(s, i, 3);
        unsigned char b[3] = {0};

        memcpy(b, part.p, part.len);
        *to++ = alphabet[b[0] >> 2];
        *to++ = alphabet[(b[0] & 3) << 4 | b[1] >> 4];
        *to++ = part.len < 2 ? '=' : alphabet[(b[1] & 15) << 2 | b[2] >> 6];
        *to++ = part.len < 3 ? '=' : alphabet[b[2] & 63];
    }
    *to = '\0';
    return out;
}

static int
base64_value(char c)
{
    const char *at = c == '\0' ? NULL : strchr(alphabet, c);

    return at == NULL ? -1 : (int)(at - alphabet);
}

bool
base64_decode(struct arena *a, struct str s, struct str *out)
{
    size_t pad = 0;
    unsigned char *bytes;
    size_t n = 0;

    if (s.len % 4 != 0)
        return false;
    while (pad < 2 && pad < s.len && s.p[s.len - 1 - pad] == '=')
        pad++;
    bytes = arena_alloc(a, s.len / 4 * 3 + 1);
    for (size_t i = 0; i < s.len; i += 4) {
        size_t used = i + 4 == s.len ? 4 - pad : 4;
        uint32_t v = 0;

        for (size_t k = 0; k < 4; k++) {
            int digit = k < used ? base64_value(s.p[i + k]) : 0;

            if (digit < 0)
                return false;
            v = v << 6 | (uint32_t)digit;
        }
        /* bits that no byte holds: two texts would mean the same bytes */
        if (used < 4 && (v & (used == 3 ? 0xffu : 0xffffu)) != 0)
            return false;
        bytes[n++] = (unsigned char)(v >> 16);
        bytes[n++] = (unsigned char)(v >> 8);
        bytes[n++] = (unsigned char)v;
    }
    n -= pad;
    bytes[n] = '\0';
    *out = str_n((const char *)bytes, n);
    return true;
}
