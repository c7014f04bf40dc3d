/* test_log.c - base/log.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"

#define NOW 1767355445678 /* 2026-01-02T12:04:05.678Z */
#define HEAD "12:04:05.678 INFO  worker "

static int ends[2];

static int
open_log(void **state)
{
    (void)state;
    if (pipe(ends) != 0)
        return -1;
    log_set_fd(ends[1]);
    log_init("worker", LOG_DEBUG, false);
    clock_test_set(NOW, 0);
    return 0;
}

static int
close_log(void **state)
{
    (void)state;
    clock_test_off();
    log_job_set(NULL);
    log_set_fd(STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

/* What one log call wrote: one read gives it whole. */
static const char *
line(void)
{
    static char text[8192];
    ssize_t n = read(ends[0], text, sizeof(text) - 1);

    assert_true(n > 0);
    text[n] = '\0';
    return text;
}

static void
a_text_line_has_time_level_role_event_and_message(void **state)
{
    (void)state;
    log_info("job", "finished", "ms=%d", 5);
    assert_string_equal(line(), HEAD "job.finished ms=5\n");
    log_error("job", "failed", "%s", "");
    assert_string_equal(line(), "12:04:05.678 ERROR worker job.failed\n");
}

static void *
log_one(void *arg)
{
    log_info("job", "other", "%s", (const char *)arg);
    return NULL;
}

static void
the_job_stands_on_each_line_of_its_thread(void **state)
{
    static char text[] = "here";
    pthread_t t;

    (void)state;
    log_job_set("job_01abc");
    log_info("job", "finished", "ms=%d", 5);
    assert_string_equal(line(), HEAD "job.finished job=job_01abc ms=5\n");
    thread_start(&t, "log", log_one, text);
    thread_join(t);
    assert_string_equal(line(), HEAD "job.other here\n");
    log_job_set("");
    log_info("job", "finished", "ms=%d", 5);
    assert_string_equal(line(), HEAD "job.finished ms=5\n");
}

static void
a_json_line_is_one_object(void **state)
{
    struct err e;
    const char *text;
    cJSON *j;

    (void)state;
    log_init("bot", LOG_INFO, true);
    log_job_set("job_01abc");
    log_warn("tg", "odd", "%s", "say \"hi\"\\\n\ttwo \x7f \xff ü\x01");
    text = line();
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    j = json_parse(str_c(text), 0, &e);
    assert_non_null(j);
    assert_string_equal(json_str(j, "ts", ""), "2026-01-02T12:04:05.678Z");
    assert_string_equal(json_str(j, "level", ""), "warn");
    assert_string_equal(json_str(j, "role", ""), "bot");
    assert_string_equal(json_str(j, "event", ""), "tg.odd");
    assert_string_equal(json_str(j, "job", ""), "job_01abc");
    assert_string_equal(json_str(j, "msg", ""),
                        "say \"hi\"\\\n\ttwo \x7f \xef\xbf\xbd ü\x01");
    json_free(j);
}

static void
control_bytes_cannot_forge_a_line(void **state)
{
    (void)state;
    log_info("a", "b", "%s",
             "x\n12:00 INFO y\r\x1b[2J\xff\xc2\x85\xe2\x80\xae.");
    assert_string_equal(line(), HEAD "a.b x\\n12:00 INFO y\\r\\x1b[2J\\xff"
                                     "\\x85\\u202e.\n");
}

static void
lines_below_the_level_are_not_written(void **state)
{
    (void)state;
    log_init("worker", LOG_WARN, false);
    log_info("a", "b", "%s", "hidden");
    log_debug("a", "b", "%s", "hidden");
    log_warn("a", "c", "%s", "shown");
    assert_string_equal(line(), "12:04:05.678 WARN  worker a.c shown\n");
}

static void
level_names_are_read(void **state)
{
    enum log_level level = LOG_INFO;

    (void)state;
    assert_true(log_level_parse("debug", &level));
    assert_int_equal(level, LOG_DEBUG);
    assert_true(log_level_parse("error", &level));
    assert_int_equal(level, LOG_ERROR);
    assert_false(log_level_parse("Info", &level));
    assert_false(log_level_parse("", &level));
    assert_int_equal(level, LOG_ERROR);
}

static void
a_long_line_is_cut_between_letters_and_stays_valid(void **state)
{
    char *much = mem_alloc(20002);
    const char *text;
    struct err e;
    cJSON *j;

    (void)state;
    for (int odd = 0; odd < 2; odd++) {
        much[0] = 'x';
        for (size_t i = 0; i < 20000; i += 2)
            memcpy(much + odd + i, "ü", 2);
        much[20000 + odd] = '\0';
        log_init("worker", LOG_DEBUG, false);
        log_info("a", "b", "%s", much);
        text = line();
        assert_in_range(strlen(text), 4000, 4096);
        assert_string_equal(text + strlen(text) - 6, "ü...\n");
        log_init("worker", LOG_DEBUG, true);
        log_info("a", "b", "%s", much);
        text = line();
        assert_in_range(strlen(text), 4000, 4096);
        j = json_parse(str_c(text), 0, &e);
        assert_non_null(j);
        json_free(j);
    }
    mem_free(much);
}

static void
a_message_over_a_mebibyte_is_replaced_by_a_note(void **state)
{
    char *much = mem_calloc(1, 2000001);

    (void)state;
    memset(much, 'x', 2000000);
    log_info("a", "b", "%s", much);
    assert_string_equal(line(), HEAD "a.b (message too large)\n");
    mem_free(much);
}

static void
errno_survives_a_log_call(void **state)
{
    (void)state;
    errno = EXDEV;
    log_info("a", "b", "%s", "x");
    assert_int_equal(errno, EXDEV);
    log_set_fd(-1); /* EBADF inside */
    log_info("a", "b", "%s", "x");
    assert_int_equal(errno, EXDEV);
}

static void
secrets_are_masked_in_every_form(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"token 123456:AB/c+d\"e\\ end", "token *** end"},
        {"GET /bot123456%3AAB%2Fc%2Bd%22e%5C/getMe", "GET /bot***/getMe"},
        {"GET /bot123456%3aAB%2fc+d%22e%5c/getMe", "GET /bot***/getMe"},
        {"{\"t\":\"123456:AB\\/c+d\\\"e\\\\\"}", "{\"t\":\"***\"}"},
        {"\"123456:AB/c\\u002Bd\\u0022e\\u005c\"", "\"***\""},
        {"%31%32%33%34%35%36%3A%41%42%2F%63%2B%64%22%65%5C", "***"},
        {"123456:AB/c+d\"e\\123456:AB/c+d\"e\\", "******"},
        {"123456:AB/c+d\"e", "123456:AB/c+d\"e"},
        {"123456:AB/c+d\"e%5", "123456:AB/c+d\"e%5"},
        {"p w+d? p%20w%2Bd%3f p+w%2bd?", "*** *** ***"},
        {"kl\\u00fcmpfe kl\\u00FCmpfe kl%C3%BCmpfe klümpfe",
         "*** *** *** ***"},
        {"\\ud83d\\ude00iley \\uD83D\\uDE00iley 😀iley", "*** *** ***"},
        {"\\ud83diley \\ud83d\\u0041", "\\ud83diley \\ud83d\\u0041"},
        {"100%cent", "***"},
        {"100%25cent", "***"},
        {"short abc", "short abc"},
        {"secret-long secret-longer", "*** ***"},
        {"%", "%"},
        {"\\", "\\"},
        {"\\u12", "\\u12"},
        {"", ""},
    };

    (void)state;
    log_secret("123456:AB/c+d\"e\\");
    log_secret("123456:AB/c+d\"e\\"); /* again: kept once */
    log_secret("p w+d?");
    log_secret("klümpfe");
    log_secret("😀iley");
    log_secret("abc"); /* too short to be told from words */
    log_secret("");
    log_secret(NULL);
    log_secret("secret-long");
    log_secret("secret-longer");
    log_secret("100%cent");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *text = mem_strdup(cases[i].text);

        log_redact(text);
        assert_string_equal(text, cases[i].want);
        mem_free(text);
    }
    log_info("a", "b", "t=%s.", "123456%3AAB/c+d%22e%5C");
    assert_string_equal(line(), HEAD "a.b t=***.\n");
}

static void
a_secret_across_the_cut_is_not_half_shown(void **state)
{
    char much[6000];

    (void)state;
    log_secret("hunter2-hunter2-hunter2");
    for (size_t pad = 3950; pad < 4100; pad++) {
        memset(much, '.', pad);
        snprintf(much + pad, sizeof(much) - pad, "hunter2-hunter2-hunter2");
        log_info("a", "b", "%s", much);
        assert_null(strstr(line(), "hun"));
    }
}

#define WRITERS 4
#define LINES 200

static void *
write_lines(void *arg)
{
    char job[32];

    snprintf(job, sizeof(job), "job_%d", *(int *)arg);
    log_job_set(job);
    for (int i = 0; i < LINES; i++) {
        log_info("a", "b", "%0*d.", 50 + i, *(int *)arg);
        log_secret("concurrent-secret");
    }
    return NULL;
}

static void *
read_lines(void *arg)
{
    FILE *f = fdopen(dup(ends[0]), "r");
    char *text = NULL;
    size_t cap = 0;
    int *whole = arg;

    while (getline(&text, &cap, f) > 0) {
        size_t n = strlen(text);
        const char *job = strstr(text, "job=job_");

        if (job != NULL && n > 60 && job[8] == text[n - 3] &&
            strcmp(text + n - 2, ".\n") == 0)
            ++*whole;
    }
    free(text);
    fclose(f);
    return NULL;
}

static void
lines_of_several_threads_stay_whole(void **state)
{
    pthread_t reader, t[WRITERS];
    int number[WRITERS];
    int whole = 0;

    (void)state;
    thread_start(&reader, "reader", read_lines, &whole);
    for (int i = 0; i < WRITERS; i++) {
        number[i] = i;
        thread_start(&t[i], "writer", write_lines, &number[i]);
    }
    for (int i = 0; i < WRITERS; i++)
        thread_join(t[i]);
    log_set_fd(STDERR_FILENO);
    close(ends[1]); /* the reader sees the end */
    thread_join(reader);
    ends[1] = dup(ends[0]);
    assert_int_equal(whole, WRITERS * LINES);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_log, close_log)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_text_line_has_time_level_role_event_and_message),
        CASE(the_job_stands_on_each_line_of_its_thread),
        CASE(a_json_line_is_one_object),
        CASE(control_bytes_cannot_forge_a_line),
        CASE(lines_below_the_level_are_not_written),
        CASE(level_names_are_read),
        CASE(a_long_line_is_cut_between_letters_and_stays_valid),
        CASE(a_message_over_a_mebibyte_is_replaced_by_a_note),
        CASE(errno_survives_a_log_call),
        CASE(secrets_are_masked_in_every_form),
        CASE(a_secret_across_the_cut_is_not_half_shown),
        CASE(lines_of_several_threads_stay_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
