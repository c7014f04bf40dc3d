/*
 * Bodies of the REST interface: both ways from one table, and the tables
 * themselves; /openapi.json is made of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "api/openapi.h"
#include "api/route.h"

static const char *
refused(const struct api_shape *s, const char *json)
{
    static struct err e;
    struct arena *a = arena_new();
    void *out = arena_alloc(a, s->size);
    assert_int_equal(api_read(s, str_c(json), out, a, &e), -1);
    assert_int_equal(e.code, ERR_BAD_INPUT);
    arena_free(a);
    return e.msg;
}

static void
what_is_written_reads_back(void **state)
{
    static const char text[] =
        "{\"id\":\"job_1\",\"status\":\"queued\",\"price\":9007199254740993,"
        "\"user_id\":\"usr_1\",\"preset\":\"sepia\",\"title\":{\"ru\":\"\xd0\xaf\","
        "\"en\":\"Y\"},\"files\":[{\"id\":\"obj_1\",\"content_type\":"
        "\"image/png\",\"size\":3,\"sha256\":\"x\"}],\"created_at\":-1}";
    struct arena *a = arena_new();
    struct api_job j;
    struct err e;
    struct buf b;
    (void)state;
    assert_int_equal(api_read(&api_shape_job, str_c(text), &j, a, &e), 0);
    assert_true(j.price == 9007199254740993LL); /* beyond a double */
    assert_int_equal(j.n_files, 1);
    assert_int_equal(j.position, API_UNSET);
    buf_init(&b, 65536);
    api_write(&api_shape_job, &j, &b);
    assert_string_equal(buf_cstr(&b), text);
    buf_free(&b);
    arena_free(a);
}

static void
the_first_wrong_member_is_named_by_its_pointer(void **state)
{
    (void)state;
    const struct api_shape *s = &api_shape_user_register;
    assert_non_null(strstr(refused(s, "{}"), "/telegram_id: is missing"));
    assert_non_null(strstr(refused(s, "{\"telegram_id\":\"1\"}"),
                           "/telegram_id: must be a whole number"));
    assert_non_null(strstr(refused(s, "{\"telegram_id\":1.5}"),
                           "/telegram_id: must be a whole number"));
    assert_non_null(strstr(refused(s, "[]"), "must be an object"));
    assert_non_null(strstr(
        refused(&api_shape_job_list, "{\"jobs\":[{\"id\":\"x\"}]}"),
        "/jobs/0"));
}

static void
unknown_members_are_for_newer_versions(void **state)
{
    struct arena *a = arena_new();
    struct api_health h;
    struct err e;
    (void)state;
    assert_int_equal(
        api_read(&api_shape_health,
                 STR("{\"status\":\"ok\",\"version\":\"9\",\"moon\":{}}"), &h,
                 a, &e),
        0);
    assert_string_equal(h.version, "9");
    arena_free(a);
}

static void
every_route_is_described_once(void **state)
{
    struct buf b;
    struct err e;
    (void)state;
    buf_init(&b, 4u << 20);
    openapi_write(&b);
    assert_false(b.failed);
    cJSON *j = json_parse(buf_str(&b), 0, &e);
    assert_non_null(j);
    for (size_t i = 0; i < API_ROUTE_COUNT; i++) {
        const struct api_route_row *r = &api_routes[i];
        char method[8] = "";
        for (size_t k = 0; r->method[k] != '\0'; k++)
            method[k] = (char)(r->method[k] | 0x20);
        const cJSON *op =
            json_get(json_get(json_get(j, "paths"), r->path), method);
        assert_string_equal(json_str(op, "operationId", ""), r->id);
        assert_non_null(json_get(op, "responses"));
        assert_false(api_route_is_ok(r, 418));
        assert_non_null(json_get(json_get(op, "responses"), "503"));
    }
    json_free(j);
    buf_free(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(the_first_wrong_member_is_named_by_its_pointer),
        cmocka_unit_test(unknown_members_are_for_newer_versions),
        cmocka_unit_test(every_route_is_described_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
