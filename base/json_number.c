/*
 * json_number.c - decimal numbers of JSON.
 *
 * Two texts are compared as decimals, digit by digit, not as doubles: that is
 * the only way to know that a double lost something.
 */
#include "base/json_number.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"

#define DIGITS_MAX 40 /* more significant ones never fit a double */
#define EXPONENT_MAX 1000000000

/* digits * 10^exp; digits have no zero at either end; none is zero. */
struct decimal {
    bool neg;
    bool cut; /* more than DIGITS_MAX digits, the rest left out */
    char digits[DIGITS_MAX];
    size_t n;
    int64_t exp;
};

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void
c_locale_make(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static locale_t
c_locale_get(void)
{
    pthread_once(&c_locale_once, c_locale_make);
    return c_locale;
}

void
json_number_locale(bool on)
{
    static _Thread_local locale_t before;

    if (on)
        before = uselocale(c_locale_get());
    else
        uselocale(before);
}

/* Adds a digit; zeros wait until a later digit shows that they count. */
static void
decimal_add(struct decimal *d, char c, size_t *zeros)
{
    if (c == '0') {
        *zeros += d->n > 0;
        return;
    }
    if (d->n + *zeros + 1 > DIGITS_MAX) {
        d->cut = true;
        *zeros = 0;
        return;
    }
    memset(d->digits + d->n, '0', *zeros);
    d->n += *zeros;
    d->digits[d->n++] = c;
    *zeros = 0;
}

static int64_t
exponent_read(const char *p, const char *end)
{
    bool neg = p < end && *p == '-';
    int64_t v = 0;

    if (p < end && (*p == '-' || *p == '+'))
        p++;
    for (; p < end && v < EXPONENT_MAX; p++)
        v = v * 10 + (*p - '0');
    return neg ? -v : v;
}

static void
decimal_read(struct str text, struct decimal *d)
{
    const char *p = text.p, *end = text.p + text.len;
    size_t zeros = 0;
    int64_t fraction = 0;
    bool point = false;

    memset(d, 0, sizeof *d);
    if (p < end && *p == '-') {
        d->neg = true;
        p++;
    }
    for (; p < end && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        decimal_add(d, *p, &zeros);
        fraction += point;
    }
    if (d->n == 0)
        return;
    d->exp = (int64_t)zeros - fraction;
    if (p < end)
        d->exp += exponent_read(p + 1, end);
}

static bool
decimal_eq(const struct decimal *a, const struct decimal *b)
{
    return !a->cut && !b->cut && a->neg == b->neg && a->n == b->n &&
           a->exp == b->exp && memcmp(a->digits, b->digits, a->n) == 0;
}

double
json_number_double(struct str text)
{
    char small[128], *z = small;
    double v;

    if (text.len >= sizeof small)
        z = mem_alloc(text.len + 1);
    memcpy(z, text.p, text.len);
    z[text.len] = '\0';
    v = strtod_l(z, NULL, c_locale_get());
    if (z != small)
        mem_free(z);
    return v;
}

void
json_number_format(double v, char out[JSON_NUMBER_MAX])
{
    locale_t before = uselocale(c_locale_get());
    double back;
    int digits;

    for (digits = 15; digits <= 17; digits++) {
        snprintf(out, JSON_NUMBER_MAX, "%.*g", digits, v);
        back = strtod(out, NULL);
        if (memcmp(&back, &v, sizeof v) == 0)
            break;
    }
    uselocale(before);
}

bool
json_number_fits(struct str text)
{
    struct decimal want, got;
    char back[JSON_NUMBER_MAX];
    double v;

    decimal_read(text, &want);
    if (want.cut)
        return false;
    /* nearly all: up to 15 digits always come back, 2^53 has 16 */
    if (want.n <= 15 && want.exp >= -200 && (int64_t)want.n + want.exp <= 15)
        return true;
    v = json_number_double(text);
    if (!isfinite(v) || (want.exp >= 0 && fabs(v) > JSON_WHOLE_MAX))
        return false;
    json_number_format(v, back);
    decimal_read(str_c(back), &got);
    return decimal_eq(&want, &got);
}

bool
json_number_i64(struct str text, int64_t *out)
{
    struct decimal d;
    char plain[DIGITS_MAX + 24];
    size_t n = 0;

    decimal_read(text, &d);
    if (d.n == 0) {
        *out = 0;
        return true;
    }
    if (d.cut || d.exp < 0 || d.exp > 19)
        return false;
    if (d.neg)
        plain[n++] = '-';
    memcpy(plain + n, d.digits, d.n);
    n += d.n;
    memset(plain + n, '0', (size_t)d.exp);
    n += (size_t)d.exp;
    return str_to_i64(str_n(plain, n), out);
}
