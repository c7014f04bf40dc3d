/* test_hash.c - base/hash.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/hash.h"

static void
sha256_gives_the_published_sums(void **state)
{
    char hex[SHA256_HEX];

    (void)state; /* FIPS 180-2, appendix B */
    sha256_hex(STR(""), hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb924"
                             "27ae41e4649b934ca495991b7852b855");
    sha256_hex(STR("abc"), hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223"
                             "b00361a396177a9cb410ff61f20015ad");
    sha256_hex(str_c(NULL), hex);
    assert_memory_equal(hex, "e3b0c442", 8);
}

static void
a_running_hash_does_not_see_the_pieces(void **state)
{
    unsigned char sum[SHA256_LEN];
    char hex[SHA256_HEX], want[SHA256_HEX];
    struct sha256 *h = sha256_new();

    (void)state;
    sha256_add(h, "hello ", 6);
    sha256_add(h, NULL, 0);
    sha256_add(h, "world", 5);
    sha256_end(h, sum);
    hex_encode(sum, sizeof(sum), hex);
    sha256_hex(STR("hello world"), want);
    assert_string_equal(hex, want);
}

static void
hmac_gives_the_published_sums(void **state)
{
    static const struct {
        struct str key, data;
        const char *want;
    } cases[] = {
        /* RFC 4231, cases 1, 2 and 6 */
        {{"\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"
          "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b", 20},
         {"Hi There", 8},
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {{"Jefe", 4},
         {"what do ya want for nothing?", 28},
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {{NULL, 0},
         {NULL, 0},
         "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
    };
    char long_key[131];
    unsigned char sum[SHA256_LEN];
    char hex[SHA256_HEX];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        hmac_sha256(cases[i].key, cases[i].data, sum);
        hex_encode(sum, sizeof(sum), hex);
        assert_string_equal(hex, cases[i].want);
    }
    memset(long_key, 0xaa, sizeof(long_key));
    hmac_sha256(str_n(long_key, sizeof(long_key)),
                STR("Test Using Larger Than Block-Size Key - Hash Key First"),
                sum);
    hex_encode(sum, sizeof(sum), hex);
    assert_string_equal(
        hex,
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void
hex_writes_two_digits_a_byte(void **state)
{
    char out[7];

    (void)state;
    hex_encode("\x00\xa5\xff", 3, out);
    assert_string_equal(out, "00a5ff");
    hex_encode(NULL, 0, out);
    assert_string_equal(out, "");
}

static void
constant_time_comparison_compares(void **state)
{
    (void)state;
    assert_true(ct_equal(STR("secret"), STR("secret")));
    assert_false(ct_equal(STR("secret"), STR("secreT")));
    assert_false(ct_equal(STR("secret"), STR("secre")));
    assert_false(ct_equal(STR("a\0b"), STR("a\0c")));
    assert_true(ct_equal(STR(""), str_c(NULL)));
}

static void
base64_gives_the_published_texts_and_back(void **state)
{
    static const struct {
        const char *plain, *coded;
    } cases[] = { /* RFC 4648, section 10 */
        {"", ""},          {"f", "Zg=="},         {"fo", "Zm8="},
        {"foo", "Zm9v"},   {"foob", "Zm9vYg=="},  {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    struct arena *a = arena_new();
    char all[256];
    struct str back;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(base64_encode(a, str_c(cases[i].plain)),
                            cases[i].coded);
        assert_true(base64_decode(a, str_c(cases[i].coded), &back));
        assert_true(str_eq_c(back, cases[i].plain));
    }
    for (size_t i = 0; i < 256; i++)
        all[i] = (char)i;
    for (size_t n = 0; n <= 256; n++) {
        const char *coded = base64_encode(a, str_n(all, n));

        assert_true(base64_decode(a, str_c(coded), &back));
        assert_true(str_eq(back, str_n(all, n)));
    }
    arena_free(a);
}

static void
base64_that_is_not_strict_is_refused(void **state)
{
    static const char *const bad[] = {
        "Z",    "Zg",   "Zg=",   "Zg===",    "=",        "====", "Z===",
        "Zh==", "Zm9=", "Zg==Zg==", "Zm9v\n", "Zm 9v",   "Zm-_", "Zm9vZg=A",
        "Z\xff==",
    };
    struct arena *a = arena_new();
    struct str out;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(base64_decode(a, str_c(bad[i]), &out));
    assert_false(base64_decode(a, STR("Zm\0v"), &out));
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_gives_the_published_sums),
        cmocka_unit_test(a_running_hash_does_not_see_the_pieces),
        cmocka_unit_test(hmac_gives_the_published_sums),
        cmocka_unit_test(hex_writes_two_digits_a_byte),
        cmocka_unit_test(constant_time_comparison_compares),
        cmocka_unit_test(base64_gives_the_published_texts_and_back),
        cmocka_unit_test(base64_that_is_not_strict_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
