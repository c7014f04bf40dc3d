/* test_setting.c - base/setting.c, base/setting_check.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/log.h"
#include "base/mem.h"
#include "base/setting.h"

static char path[64];

/* Each test starts without any setting in the environment or a file. */
static int
clean(void **state)
{
    (void)state;
    for (int id = 0; id < SETTING_COUNT; id++)
        unsetenv(setting_table[id].name);
    unsetenv("TINTYPE_TEST_BIN");
    unsetenv("TINTYPE_TEST_ROOT");
    unsetenv("TINTYPE_DEPS");
    snprintf(path, sizeof(path), "/tmp/tintype-setting-%ld.env",
             (long)getpid());
    unlink(path);
    return 0;
}

static int
remove_file(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static void
write_file(const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static struct settings *
load(void)
{
    struct err e = {0};
    struct settings *s = settings_load(path, &e);

    if (s == NULL)
        fail_msg("%s", e.msg);
    return s;
}

/* The sentence that loading ends with. */
static const char *
load_error(void)
{
    static struct err e;
    struct settings *s;

    err_clear(&e);
    s = settings_load(path, &e);
    if (s != NULL) {
        settings_free(s);
        return "no error";
    }
    assert_int_equal(e.code, ERR_BAD_INPUT);
    return e.msg;
}

static void
without_anything_the_defaults_hold(void **state)
{
    struct settings *s = load();

    (void)state;
    for (int id = 0; id < SETTING_COUNT; id++) {
        assert_string_equal(setting_str(s, (enum setting_id)id),
                            setting_table[id].dflt);
        assert_false(setting_is_set(s, (enum setting_id)id));
    }
    assert_int_equal(setting_int(s, SET_LEASE_MS), 6000);
    assert_string_equal(setting_str(s, SET_RETRY_DELAYS), "5,10,20");
    settings_free(s);
    s = settings_load(NULL, NULL);
    assert_non_null(s);
    settings_free(s);
    settings_free(NULL);
}

static void
environment_goes_over_file_over_default(void **state)
{
    struct settings *s;

    (void)state;
    write_file("MAX_RETRIES=5\nexport QUEUE_MIN=\"9\"\r\nLOG_LEVEL=warn\n");
    setenv("MAX_RETRIES", "7", 1);
    setenv("LOG_LEVEL", "", 1); /* given, but empty: the default */
    s = load();
    assert_int_equal(setting_int(s, SET_MAX_RETRIES), 7);
    assert_int_equal(setting_int(s, SET_QUEUE_MIN), 9);
    assert_string_equal(setting_str(s, SET_LOG_LEVEL), "info");
    assert_true(setting_is_set(s, SET_MAX_RETRIES));
    assert_true(setting_is_set(s, SET_QUEUE_MIN));
    assert_false(setting_is_set(s, SET_LOG_LEVEL));
    settings_free(s);
}

static void
a_key_in_the_file_that_nobody_knows_is_an_error(void **state)
{
    char want[200];

    (void)state;
    write_file("# ours\nMAX_RETRIES=5\nMAX_RETRYS=6\n");
    snprintf(want, sizeof(want),
             "%s: line 3: MAX_RETRYS is no setting of tintype", path);
    assert_string_equal(load_error(), want);
}

static void
a_file_that_cannot_be_read_is_an_error(void **state)
{
    struct err e;

    (void)state;
    assert_null(settings_load("/tmp", &e));
    assert_int_equal(e.code, ERR_BAD_INPUT);
    assert_non_null(strstr(e.msg, "/tmp"));
}

static void
values_are_checked(void **state)
{
    static const struct {
        const char *key, *value, *error;
    } cases[] = {
        {"MAX_RETRIES", "0", NULL},
        {"MAX_RETRIES", "20", NULL},
        {"MAX_RETRIES", "21", "is no whole number from 0 to 20"},
        {"MAX_RETRIES", "-1", "is no whole number from 0 to 20"},
        {"MAX_RETRIES", "3.0", "is no whole number"},
        {"MAX_RETRIES", "3 ", "is no whole number"},
        {"MAX_RETRIES", "0x3", "is no whole number"},
        {"MAX_RETRIES", "99999999999999999999", "is no whole number"},
        {"LOG_LEVEL", "debug", NULL},
        {"LOG_LEVEL", "INFO", "is none of: debug info warn error"},
        {"LOG_FORMAT", "json", NULL},
        {"LOG_FORMAT", "xml", "is none of: text json"},
        {"QUEUE_POP", "brpop", NULL},
        {"QUEUE_POP", "blpop", "is none of: blmove brpop"},
        {"QUEUE_POP", "blmove brpop", "is none of"},
        {"RETRY_DELAYS", "0", NULL},
        {"RETRY_DELAYS", "1, 2,3", NULL},
        {"RETRY_DELAYS", "1,,2", "is no list of seconds"},
        {"RETRY_DELAYS", "1,x", "is no list of seconds"},
        {"RETRY_DELAYS", "-1", "is no list of seconds"},
        {"RETRY_DELAYS", "86401", "is no list of seconds"},
        {"RETRY_DELAYS", "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1",
         "more than 20 numbers"},
        {"WEBHOOK_SECRET", "aZ09_-", NULL},
        {"WEBHOOK_SECRET", "with space", "are allowed"},
        {"DATA_DIR", "/x\ty", "holds a control byte"},
        {"DATA_DIR", "/x\ny", "holds a control byte"},
        {"DATA_DIR", "/x\x7fy", "holds a control byte"},
        {"DATA_DIR", "/x\xff", "is not UTF-8"},
        {"DATA_DIR", "/ü", NULL},
        {"HEARTBEAT_MS", "3000", NULL},
        {"HEARTBEAT_MS", "3001", "HEARTBEAT_MS (3001) is more than half of "
                                 "LEASE_MS (6000)"},
        {"LEASE_MS", "3999", "more than half of LEASE_MS (3999)"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        setenv(cases[i].key, cases[i].value, 1);
        if (cases[i].error == NULL) {
            settings_free(load());
        } else {
            const char *msg = load_error();

            assert_non_null(strstr(msg, cases[i].key));
            if (strstr(msg, cases[i].error) == NULL)
                fail_msg("%s=%s: %s", cases[i].key, cases[i].value, msg);
        }
        unsetenv(cases[i].key);
    }
}

static void
a_webhook_secret_has_at_most_256_characters(void **state)
{
    char text[258];

    (void)state;
    memset(text, 'a', 257);
    text[257] = '\0';
    setenv("WEBHOOK_SECRET", text + 1, 1);
    settings_free(load());
    setenv("WEBHOOK_SECRET", text, 1);
    assert_non_null(strstr(load_error(), "WEBHOOK_SECRET"));
}

static void
errors_never_show_a_secret(void **state)
{
    (void)state;
    setenv("WEBHOOK_SECRET", "hunter2 hunter2", 1);
    assert_null(strstr(load_error(), "hunter2"));
    unsetenv("WEBHOOK_SECRET");
    setenv("REDIS_PASSWORD", "hunter2\x01", 1);
    assert_null(strstr(load_error(), "hunter2"));
    unsetenv("REDIS_PASSWORD");
    setenv("TINTYPE_BOT_TOKEN", "hunter2", 1);
    assert_null(strstr(load_error(), "hunter2"));
    unsetenv("TINTYPE_BOT_TOKEN");
}

static void
both_names_of_the_backend_are_one_setting(void **state)
{
    struct settings *s;

    (void)state;
    setenv("BACKEND_API_URL", "http://a:1", 1);
    s = load();
    assert_string_equal(setting_str(s, SET_BACKEND_URL), "http://a:1");
    assert_true(setting_is_set(s, SET_BACKEND_URL));
    settings_free(s);
    setenv("BACKEND_URL", "http://a:1", 1);
    settings_free(load());
    setenv("BACKEND_URL", "http://b:2", 1);
    assert_non_null(strstr(load_error(), "BACKEND_URL and BACKEND_API_URL"));
    unsetenv("BACKEND_API_URL");
    write_file("BACKEND_API_URL=http://c:3\n");
    assert_non_null(strstr(load_error(), "BACKEND_URL and BACKEND_API_URL"));
}

static void
unknown_variables_with_our_prefix_are_errors(void **state)
{
    (void)state;
    setenv("TINTYPE_DEPS", "run", 1);
    setenv("TINTYPE_TEST_ANYTHING", "1", 1);
    setenv("TINTYPE_READY_FD", "3", 1);
    setenv("SOMEBODY_ELSES", "1", 1);
    settings_free(load());
    setenv("TINTYPE_LOG_LEVEL", "debug", 1);
    assert_non_null(strstr(load_error(), "TINTYPE_LOG_LEVEL is no setting"));
    unsetenv("TINTYPE_LOG_LEVEL");
    unsetenv("TINTYPE_TEST_ANYTHING");
    unsetenv("TINTYPE_READY_FD");
    unsetenv("SOMEBODY_ELSES");
}

static void
is_redacted(const char *text, const char *want)
{
    char *copy = mem_strdup(text);

    log_redact(copy);
    assert_string_equal(copy, want);
    mem_free(copy);
}

static void
secrets_are_known_to_the_log_but_paths_are_not(void **state)
{
    (void)state;
    setenv("BOT_TOKEN", "777:tokentoken", 1);
    setenv("DATABASE_URL", "postgresql://tin:dbp%40ss7@db.local/tin", 1);
    setenv("REDIS_URL", "redis://:r,edis7@redis.local:6379/0", 1);
    setenv("COMFYUI_URL", "http://g1:8188,http://u:gpu-pw@g2:8188", 1);
    settings_free(load());
    is_redacted("777:tokentoken dbp@ss7 dbp%40ss7 r,edis7",
                "*** *** *** ***");
    is_redacted("postgresql://tin:dbp%40ss7@db.local/tin",
                "postgresql://tin:***@db.local/tin");
    is_redacted("http://u:gpu-pw@g2:8188", "http://u:***@g2:8188");
    setenv("DATABASE_URL", "sqlite:/var/lib/tintype.db", 1);
    setenv("REDIS_URL", "unix:/run/tintype.sock", 1);
    settings_free(load());
    is_redacted("sqlite:/var/lib/tintype.db unix:/run/tintype.sock",
                "sqlite:/var/lib/tintype.db unix:/run/tintype.sock");
    setenv("DATABASE_URL", "postgresql:///tin?user=a&password=qu%C3%A4ry1&x=1",
           1);
    setenv("REDIS_URL", "redis://:r%2Cedis1@redis.local", 1);
    settings_free(load());
    is_redacted("quäry1 r,edis1", "*** ***");
    setenv("DATABASE_URL", "host=x password=keyword-form", 1);
    settings_free(load());
    is_redacted("host=x password=keyword-form", "***");
}

static bool
dump_has(const struct settings *s, const char *wanted_line)
{
    struct buf b;
    bool has;

    buf_init(&b, 100000);
    settings_dump(s, &b);
    assert_false(b.failed);
    has = strstr(buf_cstr(&b), wanted_line) != NULL;
    buf_free(&b);
    return has;
}

static void
a_dump_shows_all_but_secrets(void **state)
{
    struct settings *s;

    (void)state;
    setenv("BOT_TOKEN", "777:tokentoken", 1);
    setenv("DATABASE_URL", "postgresql://tin:pw@db.local/tin", 1);
    setenv("REDIS_URL", "unix:/run/x.sock", 1);
    setenv("COMFYUI_URL", "http://g1:8188,http://u:pw@g2:8188", 1);
    s = load();
    assert_true(dump_has(s, "\nLEASE_MS=6000\n"));
    assert_true(dump_has(s, "BOT_TOKEN=***\n"));
    assert_true(dump_has(s, "\nADMIN_TOKEN=\n"));
    assert_true(
        dump_has(s, "\nDATABASE_URL=postgresql://tin:***@db.local/tin\n"));
    assert_true(dump_has(s, "\nREDIS_URL=unix:/run/x.sock\n"));
    assert_true(
        dump_has(s, "\nCOMFYUI_URL=http://g1:8188,http://u:***@g2:8188\n"));
    assert_false(dump_has(s, "pw"));
    settings_free(s);
    setenv("DATABASE_URL", "host=x password=keyword-form", 1);
    s = load();
    assert_true(dump_has(s, "\nDATABASE_URL=***\n"));
    settings_free(s);
}

static void
a_role_may_put_what_was_left_out(void **state)
{
    struct settings *s = load();
    struct err e;

    (void)state;
    assert_int_equal(setting_put(s, SET_SERVICE_TOKEN, "made-by-up", &e), 0);
    assert_string_equal(setting_str(s, SET_SERVICE_TOKEN), "made-by-up");
    assert_true(setting_is_set(s, SET_SERVICE_TOKEN));
    is_redacted("made-by-up", "***");
    assert_int_equal(setting_put(s, SET_MAX_RETRIES, "4", &e), 0);
    assert_int_equal(setting_int(s, SET_MAX_RETRIES), 4);
    assert_int_equal(setting_put(s, SET_MAX_RETRIES, "x", &e), -1);
    assert_int_equal(setting_int(s, SET_MAX_RETRIES), 4);
    assert_string_equal(setting_str(s, SET_MAX_RETRIES), "4");
    assert_int_equal(setting_put(s, SET_MAX_RETRIES, "", &e), 0);
    assert_int_equal(setting_int(s, SET_MAX_RETRIES), 3);
    assert_false(setting_is_set(s, SET_MAX_RETRIES));
    settings_free(s);
}

static void
the_markdown_table_names_each_setting_once(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100000);
    settings_markdown(&b);
    assert_false(b.failed);
    for (int id = 0; id < SETTING_COUNT; id++) {
        char start[80];
        const char *at;

        snprintf(start, sizeof(start), "\n| `%s` | ", setting_table[id].name);
        at = strstr(buf_cstr(&b), start);
        assert_non_null(at);
        assert_null(strstr(at + 1, start));
    }
    assert_non_null(strstr(buf_cstr(&b),
                           "\n| `LEASE_MS` | `6000` | 200 to 3600000 | "
                           "backend worker | milliseconds until"));
    buf_free(&b);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, clean, remove_file)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(without_anything_the_defaults_hold),
        CASE(environment_goes_over_file_over_default),
        CASE(a_key_in_the_file_that_nobody_knows_is_an_error),
        CASE(a_file_that_cannot_be_read_is_an_error),
        CASE(values_are_checked),
        CASE(a_webhook_secret_has_at_most_256_characters),
        CASE(errors_never_show_a_secret),
        CASE(both_names_of_the_backend_are_one_setting),
        CASE(unknown_variables_with_our_prefix_are_errors),
        CASE(secrets_are_known_to_the_log_but_paths_are_not),
        CASE(a_dump_shows_all_but_secrets),
        CASE(a_role_may_put_what_was_left_out),
        CASE(the_markdown_table_names_each_setting_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
