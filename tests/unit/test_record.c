// SPDX-License-Identifier: GPL-3.0-or-later
/* test_record.c: the record that lies on the disk: its text, its limits, what it keeps. */
#include "core/cleanup.h"
#include "model/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define GUID_A "11111111-2222-3333-4444-555555555555"
#define GUID_B "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char full[] = "{\n"
                           "  \"berth-record\": 1,\n"
                           "  \"needs\": 1,\n"
                           "  \"generation\": 7,\n"
                           "  \"machine\": \"workbench\",\n"
                           "  \"disk\": \"" GUID_A "\",\n"
                           "  \"menu-default\": \"main\",\n"
                           "  \"menu-timeout\": 5,\n"
                           "  \"console-vga\": false,\n"
                           "  \"console-serial\": true,\n"
                           "  \"menu-order\": [\n"
                           "    \"main\"\n"
                           "  ],\n"
                           "  \"systems\": [\n"
                           "    {\n"
                           "      \"name\": \"main\",\n"
                           "      \"host\": true,\n"
                           "      \"family\": \"linux\",\n"
                           "      \"os\": \"Debian GNU/Linux 12 (bookworm)\",\n"
                           "      \"image\": \"debian-12\",\n"
                           "      \"digest\": \"" DIGEST "\",\n"
                           "      \"root\": \"" GUID_A "\",\n"
                           "      \"bytes\": 4294967296,\n"
                           "      \"fs-uuid\": \"" GUID_B "\",\n"
                           "      \"kernel-options\": \"quiet\",\n"
                           "      \"memory\": 1073741824,\n"
                           "      \"cpus\": 2,\n"
                           "      \"net\": \"user\",\n"
                           "      \"engine\": \"auto\",\n"
                           "      \"volumes\": {\n"
                           "        \"main-swap\": \"" GUID_B "\"\n"
                           "      }\n"
                           "    }\n"
                           "  ]\n"
                           "}\n";

static struct record *parse(const char *text)
{
    struct err e = {0};
    struct record *record = record_parse(text, strlen(text), &e);

    if (record == NULL)
        fail_msg("%s", e.text);
    return record;
}

static char *print(const struct record *record)
{
    struct err e = {0};
    char *text = record_print(record, &e);

    if (text == NULL)
        fail_msg("%s", e.text);
    return text;
}

/* The error of a record of these further members, or of a system of them. */
static const char *error_of(const char *fmt, ...)
{
    static struct err e;
    char text[65536];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    e.text[0] = e.hint[0] = '\0';
    assert_null(record_parse(text, strlen(text), &e));
    assert_int_equal(e.code, ERR_SYNTAX);
    return e.text;
}

#define TOP    "{\"berth-record\": 1, \"needs\": 1, \"generation\": 1, \"disk\": \"" GUID_A "\", "
#define SYSTEM TOP "\"systems\": [{\"name\": \"a\", \"host\": true, \"root\": \"" GUID_A "\", "

static void test_text_reads_back_to_the_same_text(void **state)
{
    _cleanup_record_ struct record *record = parse(full);
    _cleanup_free_ char *text = print(record);

    (void)state;
    assert_string_equal(text, full);
}

static void test_every_member_arrives_in_the_record(void **state)
{
    _cleanup_record_ struct record *record = parse(full);
    const struct record_system *main = record_system(record, "main");
    char guid[GUID_TEXT];

    (void)state;
    assert_int_equal(record->generation, 7);
    assert_string_equal(record->machine, "workbench");
    assert_string_equal(record->menu_default, "main");
    assert_true(!record->vga && record->serial);
    assert_true(main->host);
    assert_string_equal(main->digest, DIGEST);
    assert_string_equal(guid_print(&main->fs_uuid, guid), GUID_B);
    assert_string_equal(main->volumes[0].name, "main-swap");
    assert_int_equal(main->memory, UINT64_C(1) << 30);
    assert_null(record_system(record, "dev"));
}

static void test_a_new_record_is_written_and_read(void **state)
{
    struct err e = {0};
    _cleanup_record_ struct record *record = record_new(&e), *copy = NULL;

    (void)state;
    assert_non_null(record_add_system(record, "a", &e));
    copy = record_copy(record, &e);
    assert_non_null(copy);
    assert_true(record_equal(record, copy));
    assert_int_equal(copy->level, RECORD_LEVEL);
}

static void test_members_of_a_later_level_are_kept(void **state)
{
    static const char later[] = "{\"berth-record\": 2, \"needs\": 1, \"generation\": 1, "
                                "\"disk\": \"" GUID_A "\", \"colour\": {\"fg\": [1, 2.5, null]}, "
                                "\"systems\": [{\"name\": \"a\", \"host\": false, "
                                "\"root\": \"" GUID_A "\", \"tpm\": \"2.0\"}]}";
    _cleanup_record_ struct record *record = parse(later);
    _cleanup_free_ char *text = print(record);
    _cleanup_record_ struct record *again = parse(text);

    (void)state;
    assert_int_equal(again->level, 2);
    assert_int_equal(again->needs, 1);
    assert_true(json_is_array(json_object_get(json_object_get(again->unknown, "colour"), "fg")));
    assert_string_equal(json_string_value(json_object_get(again->systems[0].unknown, "tpm")),
                        "2.0");
    assert_true(record_equal(record, again));
}

static void test_a_record_that_needs_a_later_level_says_so(void **state)
{
    _cleanup_record_ struct record *record =
        parse("{\"berth-record\": 3, \"needs\": 3, \"generation\": 1, \"disk\": \"" GUID_A "\", "
              "\"systems\": []}");

    (void)state;
    assert_int_equal(record->needs, 3);
    assert_true(record->needs > RECORD_LEVEL);
}

static void test_a_later_format_that_cannot_be_read_gives_the_hint(void **state)
{
    static const char text[] = "{\"berth-record\": 3, \"needs\": 3, \"generation\": \"new\"}";
    struct err e = {0};

    (void)state;
    assert_null(record_parse(text, strlen(text), &e));
    assert_string_equal(e.hint, "a later berth wrote it: use that one");
}

static void test_levels_are_required_and_at_least_1(void **state)
{
    (void)state;
    assert_string_equal(error_of("{}"), "the record: \"berth-record\" is missing");
    assert_string_equal(error_of("{\"berth-record\": 0, \"needs\": 0}"),
                        "the record: \"berth-record\": expected a whole number from 1 to 1000000");
    assert_string_equal(error_of("{\"berth-record\": 1}"), "the record: \"needs\" is missing");
    error_of("{\"berth-record\": 1, \"needs\": 2, \"generation\": 1, \"disk\": \"" GUID_A "\", "
             "\"systems\": []}");
}

static void test_what_is_not_json_is_an_error(void **state)
{
    (void)state;
    error_of("");
    error_of("[]");
    error_of("null");
    error_of("%s garbage", full);
    error_of("{\"berth-record\": 1, \"berth-record\": 1}");
}

static void test_wrong_types_are_errors(void **state)
{
    (void)state;
    error_of(TOP "\"systems\": {}}");
    error_of(TOP "\"systems\": [1]}");
    error_of(TOP "\"systems\": [], \"menu-order\": [1]}");
    error_of(TOP "\"systems\": [], \"menu-timeout\": 1.5}");
    error_of(TOP "\"systems\": [], \"menu-timeout\": 4000}");
    error_of(TOP "\"systems\": [], \"console-vga\": 1}");
    error_of(SYSTEM "\"bytes\": -1}]}");
    error_of(SYSTEM "\"bytes\": 9223372036854775808}]}");
    error_of(SYSTEM "\"cpus\": 100000}]}");
    error_of(SYSTEM "\"volumes\": []}]}");
    error_of(SYSTEM "\"volumes\": {\"v\": 1}}]}");
    error_of(SYSTEM "\"fs-uuid\": \"1234-5678\"}]}");
}

static void test_hostile_text_is_refused(void **state)
{
    (void)state;
    assert_string_equal(error_of(SYSTEM "\"os\": \"a\\u001b[2J\"}]}"),
                        "the record: system 1: \"os\": expected one line of text");
    error_of(SYSTEM "\"kernel-options\": \"quiet\\ninit=/bin/sh\"}]}");
    error_of(SYSTEM "\"image\": \"../../etc/shadow\"}]}");
    error_of(SYSTEM "\"digest\": \"sha256:00\"}]}");
    error_of(SYSTEM "\"volumes\": {\"../x\": \"" GUID_A "\"}}]}");
    error_of(TOP "\"systems\": [], \"menu-default\": \"1\"}");
    error_of(TOP "\"systems\": [{\"name\": \"a b\", \"host\": true, \"root\": \"" GUID_A "\"}]}");
}

static void test_long_text_is_refused(void **state)
{
    char text[3000];

    (void)state;
    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    error_of(SYSTEM "\"os\": \"%s\"}]}", text);
}

static void test_two_systems_of_one_name_are_an_error(void **state)
{
    (void)state;
    assert_string_equal(error_of(SYSTEM "\"cpus\": 1}, {\"name\": \"a\"}]}"),
                        "the record: system 2: \"name\": an earlier system has it");
}

static void test_more_than_128_systems_are_an_error(void **state)
{
    char text[16384] = TOP "\"systems\": [{}";

    (void)state;
    for (int i = 0; i < 128; i++)
        strcat(text, ", {}");
    strcat(text, "]}");
    assert_string_equal(error_of("%s", text),
                        "the record: \"systems\": expected a list of at most 128");
}

static void test_what_could_not_be_read_is_not_written(void **state)
{
    struct err e = {0};
    _cleanup_record_ struct record *record = parse(full);

    (void)state;
    free(record->systems[0].image);
    record->systems[0].image = strdup("/home/user/debian.tar");
    assert_null(record_print(record, &e));
    assert_string_equal(e.text, "the record: system 1: \"image\": expected a word");
    free(record->systems[0].image);
    record->systems[0].image = NULL;
    free(record->systems[0].os);
    record->systems[0].os = strdup("\xff");
    assert_null(record_print(record, &e));
}

static void test_removing_a_system_takes_it_out_of_the_order(void **state)
{
    struct err e = {0};
    _cleanup_record_ struct record *record = parse(full);

    (void)state;
    assert_non_null(record_add_system(record, "dev", &e));
    record_remove_system(record, record->systems[0].name);
    assert_int_equal(record->n_systems, 1);
    assert_string_equal(record->systems[0].name, "dev");
    assert_int_equal(record->n_menu_order, 0);
    record_remove_system(record, "main");
    assert_int_equal(record->n_systems, 1);
}

static void test_equal_leaves_the_generation_aside(void **state)
{
    struct err e = {0};
    _cleanup_record_ struct record *record = parse(full);
    _cleanup_record_ struct record *copy = record_copy(record, &e);

    (void)state;
    copy->generation++;
    assert_true(record_equal(record, copy));
    copy->menu_timeout++;
    assert_false(record_equal(record, copy));
}

static void test_a_partition_belongs_to_one_system_and_once(void **state)
{
    struct guid disk = {{1}}, partition = {{2}};
    struct err e;
    _cleanup_record_ struct record *record = record_new(&e), *read = NULL;
    _cleanup_free_ char *text = NULL;

    (void)state;
    record->disk = disk;
    record_add_system(record, "main", &e)->root = partition;
    record_add_system(record, "dev", &e)->root = partition;
    text = record_print(record, &e);
    if (text != NULL)
        read = record_parse(text, strlen(text), &e);
    assert_null(read);
    assert_int_equal(e.code, ERR_SYNTAX);
    assert_non_null(strstr(e.text, "is named twice"));
}

static void test_work_is_kept_with_its_system_and_raises_the_level(void **state)
{
    _cleanup_record_ struct record *record = parse(full), *copy = NULL;
    const struct guid *root = &record->systems[0].root;
    struct err e;

    (void)state;
    assert_false(record_work_is_urgent(record));
    assert_int_equal(record_set_work(record, "shrink partition 3", root, &e), 0);
    record->work->tries = 2;
    assert_int_equal(record->needs, RECORD_LEVEL);
    assert_false(record_work_is_urgent(record));
    assert_int_equal(record_hold(record, &record->systems[0], "being resized", &e), 0);
    copy = record_copy(record, &e);
    assert_non_null(copy);
    assert_true(record_equal(record, copy));
    assert_true(record_work_is_urgent(copy));
    assert_string_equal(copy->work->text, "shrink partition 3");
    assert_int_equal(record_hold(copy, &copy->systems[0], NULL, &e), 0);
    assert_int_equal(copy->needs, RECORD_LEVEL);
    assert_int_equal(record_set_work(copy, NULL, NULL, &e), 0);
    assert_null(copy->work);
    assert_int_equal(copy->needs, 1);
}

static void test_wrong_work_is_an_error(void **state)
{
    (void)state;
    assert_non_null(strstr(error_of(TOP "\"systems\": [], \"work\": []}"), "\"work\""));
    assert_non_null(strstr(error_of(TOP "\"systems\": [], \"work\": {\"text\": \"x\"}}"),
                           "\"partition\" is missing"));
    assert_non_null(strstr(error_of(TOP "\"systems\": [], \"work\": {\"text\": \"a\\nb\", "
                                        "\"partition\": \"" GUID_A "\"}}"),
                           "\"text\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_partition_belongs_to_one_system_and_once),
        cmocka_unit_test(test_text_reads_back_to_the_same_text),
        cmocka_unit_test(test_every_member_arrives_in_the_record),
        cmocka_unit_test(test_a_new_record_is_written_and_read),
        cmocka_unit_test(test_members_of_a_later_level_are_kept),
        cmocka_unit_test(test_a_record_that_needs_a_later_level_says_so),
        cmocka_unit_test(test_a_later_format_that_cannot_be_read_gives_the_hint),
        cmocka_unit_test(test_levels_are_required_and_at_least_1),
        cmocka_unit_test(test_what_is_not_json_is_an_error),
        cmocka_unit_test(test_wrong_types_are_errors),
        cmocka_unit_test(test_hostile_text_is_refused),
        cmocka_unit_test(test_long_text_is_refused),
        cmocka_unit_test(test_two_systems_of_one_name_are_an_error),
        cmocka_unit_test(test_more_than_128_systems_are_an_error),
        cmocka_unit_test(test_what_could_not_be_read_is_not_written),
        cmocka_unit_test(test_removing_a_system_takes_it_out_of_the_order),
        cmocka_unit_test(test_equal_leaves_the_generation_aside),
        cmocka_unit_test(test_work_is_kept_with_its_system_and_raises_the_level),
        cmocka_unit_test(test_wrong_work_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
