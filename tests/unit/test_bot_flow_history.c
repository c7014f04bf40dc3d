/* test_bot_flow_history.c - bot/flow_history.c: jobs of the past */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/bot_talk.h"

#define J1 "job_01arz3ndektsv4rrffq69g5fa1"
#define J2 "job_01arz3ndektsv4rrffq69g5fa2"
#define J3 "job_01arz3ndektsv4rrffq69g5fa3"
#define JOB(id, status, more)                                                  \
    "{\"id\":\"" id "\",\"status\":\"" status "\",\"price\":5,"                \
    "\"user_id\":\"usr_1\",\"preset\":\"sepia\","                              \
    "\"title\":{\"ru\":\"Сепия\",\"en\":\"Sepia\"},"                      \
    "\"created_at\":1790000000000" more "}"
#define PROBLEM(status, code)                                                  \
    "{\"type\":\"about:blank\",\"title\":\"t\",\"status\":" status             \
    ",\"code\":\"" code "\"}"

static struct talk t;

static int
start(void **state)
{
    (void)state;
    talk_start(&t);
    return 0;
}

static int
end(void **state)
{
    (void)state;
    talk_end(&t);
    return 0;
}

static void
the_history_lists_jobs_and_their_pictures(void **state)
{
    const char *shown;

    (void)state;
    talk_answer(&t, "job_list", 200,
                "{\"jobs\":[" JOB(J1, "completed", "") "," JOB(
                    J2, "failed", "") "],\"next_cursor\":\"" J2 "\"}");
    talk_text(&t, "/history");
    assert_string_equal(t.said, "message history_head");
    assert_string_equal(t.asked, "job_list ?user_id=usr_1&limit=5");
    shown = talk_shown(&t, 0, "en");
    assert_non_null(strstr(shown, "Sepia · 5 💎 · ✅ done"));
    assert_non_null(strstr(shown, "Sepia · 5 💎 · 😔 failed"));
    assert_int_equal(talk_buttons(&t, "btn_send_again"), 1);
    assert_string_equal(talk_button(&t, "btn_send_again"), "v1:again:" J1);
    talk_answer(&t, "job_list", 200, "{\"jobs\":[" JOB(J3, "queued", "") "]}");
    talk_press(&t, talk_button(&t, "btn_more"));
    assert_string_equal(t.asked, "job_list ?user_id=usr_1&limit=5&cursor=" J2);
    assert_int_equal(talk_buttons(&t, "btn_more"), 0);
}

static void
an_empty_history_invites(void **state)
{
    (void)state;
    talk_answer(&t, "job_list", 200, "{\"jobs\":[]}");
    talk_text(&t, "🖼 Мои картинки");
    assert_string_equal(t.said, "message history_empty");
}

static void
a_picture_is_sent_again_with_telegrams_own_file(void **state)
{
    const cJSON *o;

    (void)state;
    talk_answer(&t, "job_get", 200,
                JOB(J1, "completed",
                    ",\"files\":[{\"id\":\"obj_1\",\"content_type\":"
                    "\"image/png\",\"size\":900,\"sha256\":\"x\",\"width\":8,"
                    "\"height\":9,\"file_id\":\"TG1\"},{\"id\":\"obj_2\","
                    "\"content_type\":\"image/png\",\"size\":900,"
                    "\"sha256\":\"x\",\"file_id\":\"TG2\"}]"));
    talk_press(&t, "v1:again:" J1);
    assert_string_equal(t.said,
                        "message result_caption, message result_caption");
    o = json_get(talk_body(&t, 0), "object");
    assert_string_equal(json_str(o, "file_id", ""), "TG1");
    assert_string_equal(json_str(o, "id", ""), "obj_1");
    assert_string_equal(talk_button(&t, "btn_repeat"), "v1:repeat:" J1);
}

static void
a_deleted_picture_can_be_made_once_more(void **state)
{
    (void)state;
    talk_answer(&t, "job_get", 200, JOB(J1, "completed", ""));
    talk_press(&t, "v1:again:" J1);
    assert_string_equal(t.said, "message send_again_gone");
    assert_int_equal(talk_buttons(&t, "btn_repeat"), 1);
    talk_answer(&t, "job_get", 404, PROBLEM("404", "not_found"));
    talk_press(&t, "v1:again:" J1);
    assert_string_equal(t.said, "edit -, message old_button");
}

static void
cancel_ends_the_newest_open_job(void **state)
{
    (void)state;
    talk_answer(&t, "job_list", 200,
                "{\"jobs\":[" JOB(J1, "completed", "") "," JOB(
                    J2, "queued", "") "," JOB(J3, "queued", "") "]}");
    talk_answer(&t, "job_cancel", 200, JOB(J2, "cancelled", ""));
    talk_text(&t, "/cancel");
    assert_string_equal(t.asked, "job_cancel /" J2);
    assert_string_equal(t.said, "message cancel_done");
    assert_non_null(strstr(talk_shown(&t, 0, "en"), "5 credits"));
}

static void
a_running_job_is_asked_to_stop(void **state)
{
    (void)state;
    talk_answer(
        &t, "job_list", 200,
        "{\"jobs\":[" JOB(J1, "queued", ",\"cancel_requested\":true") "," JOB(
            J2, "processing", "") "]}");
    talk_answer(&t, "job_cancel", 202,
                JOB(J2, "processing", ",\"cancel_requested\":true"));
    talk_text(&t, "/cancel");
    assert_string_equal(t.said, "message cancel_requested");
    talk_answer(&t, "job_list", 200,
                "{\"jobs\":[" JOB(J2, "processing", "") "]}");
    talk_answer(&t, "job_cancel", 409, PROBLEM("409", "already_ended"));
    talk_text(&t, "/cancel");
    assert_string_equal(t.said, "message cancel_too_late");
}

static void
the_cancel_button_lets_the_status_speak(void **state)
{
    (void)state;
    talk_answer(&t, "job_get", 200, JOB(J1, "queued", ""));
    talk_answer(&t, "job_cancel", 200, JOB(J1, "cancelled", ""));
    talk_press(&t, "v1:cancel:" J1);
    assert_string_equal(t.toast, "toast_cancelling");
    assert_string_equal(t.said, "");
    talk_answer(&t, "job_get", 200, JOB(J1, "completed", ""));
    talk_answer(&t, "job_cancel", 409, PROBLEM("409", "already_ended"));
    talk_press(&t, "v1:cancel:" J1);
    assert_string_equal(t.said, "message cancel_too_late");
    talk_answer(&t, "job_get", 200, JOB(J1, "cancelled", ""));
    talk_answer(&t, "job_cancel", 409, PROBLEM("409", "already_ended"));
    talk_press(&t, "v1:cancel:" J1);
    assert_string_equal(t.said, "");
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, start, end)
    const struct CMUnitTest tests[] = {
        T(the_history_lists_jobs_and_their_pictures),
        T(an_empty_history_invites),
        T(a_picture_is_sent_again_with_telegrams_own_file),
        T(a_deleted_picture_can_be_made_once_more),
        T(cancel_ends_the_newest_open_job),
        T(a_running_job_is_asked_to_stop),
        T(the_cancel_button_lets_the_status_speak),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
