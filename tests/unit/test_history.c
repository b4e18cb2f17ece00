// SPDX-License-Identifier: GPL-3.0-or-later
/* test_history.c: the history as text and back, its limits, and text that is hostile. */
#include "core/cleanup.h"
#include "core/size.h"
#include "model/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct history *parse(const char *text)
{
    struct err e = {0};
    struct history *history = history_parse(text, strlen(text), &e);

    assert_non_null(history);
    return history;
}

static char *print(const struct history *history)
{
    struct err e = {0};
    char *text = history_print(history, &e);

    assert_non_null(text);
    return text;
}

static void add_undo(struct history *history, enum history_op op)
{
    history->undo = calloc(1, sizeof(*history->undo));
    history->undo->op = op;
    history->undo->text = strdup("partition 3 resized");
}

static void add_region(struct history *history, struct extent range, const void *before)
{
    struct history_undo *undo = history->undo;
    struct history_region *region;

    undo->regions = reallocarray(undo->regions, undo->n_regions + 1, sizeof(*undo->regions));
    region = &undo->regions[undo->n_regions++];
    *region = (struct history_region){.range = range, .after = strdup(DIGEST)};
    if (before != NULL) {
        region->before = malloc(range.bytes);
        memcpy(region->before, before, range.bytes);
    }
}

static void add_pending(struct history *history)
{
    struct pending *pending = calloc(1, sizeof(*pending));

    *pending = (struct pending){
        .op = HISTORY_MOVE,
        .stage = PENDING_CONTENT,
        .partition = {{1, 2, 3}},
        .number = 3,
        .name = strdup("data of ours"),
        .from = {MIB, 20 * MIB},
        .to = {2 * MIB, 20 * MIB},
        .both = {MIB, 21 * MIB},
        .type = {{9}},
        .attributes = UINT64_C(1) << 63 | 4,
        .fs = strdup("ext4"),
        .content = strdup("ext4 0e3c"),
        .content_before = strdup(""),
        .known_by = strdup("inode 5"),
        .takes_back = true,
        .chunk = MIB,
        .index = {4096, 96},
        .index_crc = 0xdeadbeef,
        .fs_before = 1700000000,
        .fs_after = 1700000001,
        .work = {{4, 5, 6}},
        .journal = strdup("/var/lib/a journal"),
    };
    history->pending = pending;
}

static void everything_comes_back(void **state)
{
    struct err e = {0};
    _cleanup_history_ struct history *history = history_new(&e), *again = NULL;
    _cleanup_free_ char *first = NULL, *second = NULL;

    (void)state;
    assert_int_equal(history_add(history, 1700000000, "partition 3 added", true, &e), 0);
    add_undo(history, HISTORY_RESIZE);
    history->undo->partition = (struct guid){{7}};
    history->undo->from = (struct extent){MIB, 2 * MIB};
    history->undo->to = (struct extent){MIB, 3 * MIB};
    history->undo->fs = strdup("ext4");
    history->undo->fs_written = 1700000001;
    add_region(history, (struct extent){0, 9}, "old bytes");
    add_region(history, (struct extent){MIB, MIB}, NULL);
    history->undo->regions[1].cut = true;
    add_pending(history);
    history->given_up = (struct guid){{8}};
    first = print(history);
    again = parse(first);
    second = print(again);
    assert_string_equal(first, second);
    assert_null(strchr(first, '\n'));
    assert_memory_equal(again->undo->regions[0].before, "old bytes", 9);
    assert_null(again->undo->regions[1].before);
    assert_true(again->undo->regions[1].cut && !again->undo->regions[0].cut);
    assert_true(again->pending->takes_back);
    assert_int_equal(again->undo->fs_written, 1700000001);
    assert_true(again->pending->attributes == (UINT64_C(1) << 63 | 4));
    assert_int_equal(again->pending->stage, PENDING_CONTENT);
    assert_int_equal(again->pending->index_crc, 0xdeadbeef);
    assert_int_equal(again->pending->fs_before, 1700000000);
    assert_int_equal(again->pending->fs_after, 1700000001);
    assert_memory_equal(&again->pending->work, &history->pending->work, sizeof(struct guid));
    assert_string_equal(again->pending->content, "ext4 0e3c");
    assert_string_equal(again->pending->content_before, "");
    assert_string_equal(again->pending->known_by, "inode 5");
    assert_string_equal(again->pending->journal, "/var/lib/a journal");
    assert_memory_equal(&again->given_up, &history->given_up, sizeof(struct guid));
}

static void a_change_that_has_begun_comes_back_without_what_it_left(void **state)
{
    struct err e = {0};
    _cleanup_history_ struct history *history = history_new(&e), *again = NULL;
    _cleanup_free_ char *text = NULL;
    struct history_region *region;

    (void)state;
    add_undo(history, HISTORY_TABLE);
    add_region(history, (struct extent){0, 9}, "old bytes");
    history->begun = steal(history->undo);
    region = history->begun->regions;
    free(steal(region->after));
    region->planned = strdup("new byte");
    region->began = strdup("half old");
    text = print(history);
    again = parse(text);
    assert_null(again->undo);
    assert_null(again->begun->regions[0].after);
    assert_memory_equal(again->begun->regions[0].before, "old bytes", 9);
    assert_memory_equal(again->begun->regions[0].planned, "new byte", 9);
    assert_memory_equal(again->begun->regions[0].began, "half old", 9);
}

static void an_empty_history_is_short(void **state)
{
    struct err e = {0};
    _cleanup_history_ struct history *history = history_new(&e);
    _cleanup_free_ char *text = print(history);

    (void)state;
    assert_string_equal(text, "{\"berth-history\":1,\"needs\":1,\"entries\":[]}");
}

static void the_newest_hundred_entries_stay(void **state)
{
    struct err e = {0};
    _cleanup_history_ struct history *history = history_new(&e), *again = NULL;
    _cleanup_free_ char *text = NULL;

    (void)state;
    for (uint64_t i = 0; i < 130; i++)
        assert_int_equal(history_add(history, i, "entry", false, &e), 0);
    text = print(history);
    again = parse(text);
    assert_int_equal(again->n, HISTORY_MOST);
    assert_int_equal(again->entries[0].time, 30);
    assert_int_equal(again->entries[99].time, 129);
}

static void an_entry_is_one_line_of_whole_characters(void **state)
{
    struct err e = {0};
    _cleanup_history_ struct history *history = history_new(&e);
    _cleanup_free_ char *text = NULL;
    char wide[301] = "x";

    (void)state;
    for (size_t i = 1; i + 1 < sizeof(wide); i += 2)
        memcpy(wide + i, "\xc3\xa4", 2);
    wide[299] = '\0';
    assert_int_equal(history_add(history, 1, "two\nlines\x1b[0m and \xc2\x9b", true, &e), 0);
    assert_int_equal(history_add(history, 2, wide, true, &e), 0);
    assert_string_equal(history->entries[0].text, "two?lines?[0m and ??");
    assert_int_equal(strlen(history->entries[1].text), 199);
    text = print(history);
}

static void members_of_a_later_berth_are_kept(void **state)
{
    const char *text =
        "{\"berth-history\":2,\"needs\":1,\"entries\":[],"
        "\"undo\":{\"op\":\"wipe\",\"text\":\"t\",\"regions\":[],\"later\":[1,2]},"
        "\"pending\":{\"op\":\"resize\",\"stage\":\"filesystem\",\"number\":1,\"from\":0,"
        "\"from-bytes\":1,\"to\":0,\"to-bytes\":2,\"both\":0,\"both-bytes\":2,\"fs\":\"ext4\","
        "\"later\":3},"
        "\"later\":{\"a\":4}}";
    _cleanup_history_ struct history *history = parse(text);
    _cleanup_free_ char *printed = print(history);

    (void)state;
    assert_string_equal(printed, text);
}

static void the_undo_of_a_full_gpt_fits(void **state)
{
    static uint8_t table[512 + 128 * 128];
    struct err e = {0};
    _cleanup_history_ struct history *history = history_new(&e);
    _cleanup_free_ char *text = NULL;
    char line[HISTORY_TEXT_MOST + 1];

    (void)state;
    srandom(1);
    memset(line, 'w', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    for (uint64_t i = 0; i < HISTORY_MOST; i++)
        assert_int_equal(history_add(history, 1700000000 + i, line, true, &e), 0);
    for (size_t i = 0; i < sizeof(table); i++) /* nothing that zlib could make smaller */
        table[i] = (uint8_t)random();
    add_undo(history, HISTORY_TABLE);
    add_region(history, (struct extent){0, 512}, table);
    add_region(history, (struct extent){512, sizeof(table)}, table);
    add_region(history, (struct extent){GIB, sizeof(table)}, table);
    text = print(history);
    assert_true(strlen(text) < 96 * KIB);
}

struct bad {
    const char *text, *says;
};

#define WITH(rest) "{\"berth-history\":1,\"needs\":1,\"entries\":[]," rest "}"
#define PENDING(rest)                                                                              \
    WITH("\"pending\":{\"number\":1,\"from\":0,\"from-bytes\":1,\"to\":0,\"to-bytes\":2," rest "}")
#define REGION(rest)                                                                               \
    WITH("\"undo\":{\"op\":\"wipe\",\"text\":\"t\",\"regions\":[{\"start\":0,\"after\":\"" DIGEST  \
         "\"," rest "}]}")

static const struct bad bad[] = {
    {"", "not JSON"},
    {"[]", "berth-history"},
    {"{\"berth-history\":1,\"needs\":1}", "entries"},
    {"{\"berth-history\":1,\"needs\":1,\"entries\":[1]}", "entry 1"},
    {WITH("\"undo\":3"), "\"op\""},
    {WITH("\"undo\":{\"op\":\"cook\"}"), "\"op\""},
    {WITH("\"undo\":{\"op\":\"wipe\",\"text\":\"t\"}"), "regions"},
    {REGION("\"bytes\":-1"), "bytes"},
    {REGION("\"bytes\":3,\"before\":\"AAAA\""), "before"},
    {REGION("\"bytes\":3,\"before\":\"!\""), "before"},
    {REGION("\"bytes\":3,\"before\":\"====\""), "before"},
    {REGION("\"bytes\":9000000000000,\"before\":\"AAAA\""), "before"},
    {PENDING("\"op\":\"table\",\"stage\":\"mark\",\"both\":0,\"both-bytes\":2"), "cannot be"},
    {PENDING("\"op\":\"move\",\"stage\":\"mark\",\"both\":0,\"both-bytes\":2"), "chunk"},
    {PENDING("\"op\":\"resize\",\"stage\":\"soon\",\"both\":0,\"both-bytes\":2"), "stage"},
    {PENDING("\"op\":\"resize\",\"stage\":\"mark\",\"both\":1,\"both-bytes\":2"), "both"},
    {PENDING("\"op\":\"resize\",\"stage\":\"mark\",\"both\":0,\"both-bytes\":3"), "both"},
    {PENDING("\"op\":\"resize\",\"stage\":\"mark\",\"both\":0,\"both-bytes\":2"), "fs"},
    {PENDING("\"op\":\"resize\",\"stage\":\"mark\",\"both\":0,\"both-bytes\":2,"
             "\"attributes\":\"0x12345678123456781\""),
     "attributes"},
};

static void bad_text_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct err e = {0};

        assert_null(history_parse(bad[i].text, strlen(bad[i].text), &e));
        assert_int_equal(e.code, ERR_SYNTAX);
        if (strstr(e.text, bad[i].says) == NULL)
            fail_msg("%s: %s", bad[i].text, e.text);
    }
}

static void a_too_new_history_is_named(void **state)
{
    const char *text = "{\"berth-history\":9,\"needs\":8}";
    struct err e = {0};

    (void)state;
    assert_null(history_parse(text, strlen(text), &e));
    assert_int_equal(e.code, ERR_UNSUPPORTED);
    assert_non_null(strstr(e.text, "level 8"));
    assert_non_null(strstr(e.hint, "later berth"));
}

static void random_changes_of_the_text_do_no_harm(void **state)
{
    struct err e = {0};
    _cleanup_history_ struct history *history = history_new(&e);
    _cleanup_free_ char *text = NULL;
    size_t len;

    (void)state;
    assert_int_equal(history_add(history, 1, "entry", true, &e), 0);
    add_undo(history, HISTORY_WIPE);
    add_region(history, (struct extent){0, 9}, "old bytes");
    add_pending(history);
    text = print(history);
    len = strlen(text);
    srandom(9);
    for (int i = 0; i < 5000; i++) {
        _cleanup_history_ struct history *read = NULL;
        _cleanup_free_ char *changed = strdup(text);

        for (int k = 0; k < 3; k++)
            changed[(size_t)random() % len] = (char)(' ' + random() % 95);
        read = history_parse(changed, len, &e);
        if (read != NULL)
            free(print(read));
    }
}

static void what_was_left_comes_back_and_the_newest_stay(void **state)
{
    struct err e = {0};
    _cleanup_history_ struct history *history = history_new(&e), *again = NULL;
    _cleanup_free_ char *text = NULL;
    char digest[] = DIGEST;

    (void)state;
    history->left_table = strdup(DIGEST);
    for (uint64_t i = 1; i <= HISTORY_LEFT_MOST + 2; i++) {
        struct history_left left = {.range = {i * MIB, MIB}, .digest = digest, .made = i % 2 == 0};

        assert_int_equal(history_add_left(history, &left, &e), 0);
    }
    text = print(history);
    again = parse(text);
    assert_int_equal(again->n_left, HISTORY_LEFT_MOST);
    assert_int_equal(again->left[0].range.start, 3 * MIB);
    assert_false(again->left[0].made);
    assert_true(again->left[1].made);
    assert_string_equal(again->left[1].digest, DIGEST);
    assert_string_equal(again->left_table, DIGEST);
}

static void what_was_left_without_a_digest_is_named(void **state)
{
    static const char text[] = "{\"berth-history\":1,\"needs\":1,\"entries\":[],\"left\":["
                               "{\"start\":1048576,\"bytes\":4096,\"made\":false}]}";
    struct err e = {0};

    (void)state;
    assert_null(history_parse(text, strlen(text), &e));
    assert_non_null(strstr(e.text, "\"left\": range 1: \"digest\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_comes_back),
        cmocka_unit_test(a_change_that_has_begun_comes_back_without_what_it_left),
        cmocka_unit_test(an_empty_history_is_short),
        cmocka_unit_test(the_newest_hundred_entries_stay),
        cmocka_unit_test(an_entry_is_one_line_of_whole_characters),
        cmocka_unit_test(members_of_a_later_berth_are_kept),
        cmocka_unit_test(the_undo_of_a_full_gpt_fits),
        cmocka_unit_test(what_was_left_comes_back_and_the_newest_stay),
        cmocka_unit_test(what_was_left_without_a_digest_is_named),
        cmocka_unit_test(bad_text_is_named),
        cmocka_unit_test(a_too_new_history_is_named),
        cmocka_unit_test(random_changes_of_the_text_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
