// SPDX-License-Identifier: GPL-3.0-or-later
/* test_luks_header.c: what a LUKS2 header has to say for its container to be resized. */
#include "core/cleanup.h"
#include "core/size.h"
#include "fs/fs_luks.h"

#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SEGMENT  "\"0\":{\"type\":\"crypt\",\"offset\":\"1048576\",\"size\":\"dynamic\"}"
#define SEGMENTS "{\"segments\":{" SEGMENT "}}"

/* A container of 2 MiB; its data's offset, or -1 with e filled. */
static int64_t data_of(const char *json, uint16_t version, uint64_t header_bytes, struct err *e)
{
    _cleanup_blockdev_ struct blockdev *bd = mem_open(2 * MIB, 512, e);
    uint64_t bytes = htobe64(header_bytes), offset;
    uint16_t number = htobe16(version);

    assert_non_null(bd);
    assert_int_equal(blockdev_pwrite(bd, "LUKS\xba\xbe", 6, 0, e), 0);
    assert_int_equal(blockdev_pwrite(bd, &number, sizeof(number), 6, e), 0);
    assert_int_equal(blockdev_pwrite(bd, &bytes, sizeof(bytes), 8, e), 0);
    assert_int_equal(blockdev_pwrite(bd, json, strlen(json), 4096, e), 0);
    return fs_luks_data(bd, &offset, e) < 0 ? -1 : (int64_t)offset;
}

static void the_data_begins_where_the_segment_says(void **state)
{
    struct err e = {0};

    (void)state;
    assert_int_equal(data_of(SEGMENTS, 2, 16 * KIB, &e), MIB);
}

static void what_cannot_follow_its_partition_is_refused_by_name(void **state)
{
    static const struct {
        const char *json;
        uint16_t version;
        const char *words;
    } cases[] = {
        {SEGMENTS, 1, "no LUKS2"},
        {"{\"segments\":{" SEGMENT ",\"1\":{}}}", 2, "encrypted anew"},
        {"{\"segments\":{\"0\":{\"type\":\"crypt\",\"offset\":\"1048576\",\"size\":\"4096\"}}}", 2,
         "up to its partition's end"},
        {"{\"segments\":{\"0\":{\"type\":\"crypt\",\"offset\":\"1048576\",\"size\":\"dynamic\","
         "\"integrity\":{}}}}",
         2, "checksums of its own"},
    };
    struct err e = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(data_of(cases[i].json, cases[i].version, 16 * KIB, &e), -1);
        assert_int_equal(e.code, ERR_UNSUPPORTED);
        assert_non_null(strstr(e.text, cases[i].words));
    }
}

static void a_damaged_header_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "{",
        "{\"segments\":7}",
        "{\"segments\":{\"0\":7}}",
        "{\"segments\":{\"0\":{\"type\":\"crypt\",\"size\":\"dynamic\"}}}",
        "{\"segments\":{\"0\":{\"type\":\"crypt\",\"offset\":\"-1\",\"size\":\"dynamic\"}}}",
        "{\"segments\":{\"0\":{\"type\":\"crypt\",\"offset\":\"4097\",\"size\":\"dynamic\"}}}",
        "{\"segments\":{\"0\":{\"type\":\"crypt\",\"offset\":\"2097152\",\"size\":\"dynamic\"}}}",
    };
    static const uint64_t sizes[] = {0, 4096, 4 * MIB, UINT64_MAX};
    struct err e = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(data_of(cases[i], 2, 16 * KIB, &e), -1);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        assert_int_equal(data_of(SEGMENTS, 2, sizes[i], &e), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_data_begins_where_the_segment_says),
        cmocka_unit_test(what_cannot_follow_its_partition_is_refused_by_name),
        cmocka_unit_test(a_damaged_header_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
