// SPDX-License-Identifier: GPL-3.0-or-later
/* sfdisk scripts: how lines are read, where partitions go, what is refused. */
#include "core/size.h"
#include "partition/sfdisk.h"
#include "partition/type.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECTOR 512

static const struct table nothing = {.kind = TABLE_NONE};

/* The table that the script wants of an empty disk of 100 MiB. */
static struct wanted want(const char *text, const struct table *there)
{
    struct err e;
    struct blockdev *bd = mem_open(100 * MIB, SECTOR, &e);
    struct wanted wanted;

    if (sfdisk_read(text, "x", bd, there, &wanted, &e) < 0)
        fail_msg("%s", e.text);
    blockdev_close(bd);
    return wanted;
}

static void check_refused(const char *text, enum err_code code, const char *says)
{
    struct err e;
    struct blockdev *bd = mem_open(100 * MIB, SECTOR, &e);
    struct wanted wanted;

    assert_int_equal(sfdisk_read(text, "x", bd, &nothing, &wanted, &e), -1);
    if (strstr(e.text, says) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", e.text, says);
    assert_int_equal(e.code, code);
    blockdev_close(bd);
}

static void check_entry(const struct wanted *wanted, unsigned number, uint64_t start,
                        uint64_t sectors)
{
    const struct table_entry *entry = table_entry_by_number(wanted->table, number);

    assert_non_null(entry);
    assert_int_equal(entry->range.start, start * SECTOR);
    assert_int_equal(entry->range.bytes, sectors * SECTOR);
}

static void named_and_unnamed_fields_say_the_same(void **state)
{
    struct wanted named = want("label: gpt\nstart=4096, size=10MiB, type=swap\n", &nothing);
    struct wanted unnamed = want("label: gpt\n4096 10MiB S\n", &nothing);

    (void)state;
    check_entry(&named, 1, 4096, 20480);
    check_entry(&unnamed, 1, 4096, 20480);
    assert_true(partition_type_is(&unnamed.table->entries[0].type, "swap"));
    assert_true(partition_type_is(&named.table->entries[0].type, "swap"));
    wanted_clear(&named);
    wanted_clear(&unnamed);
}

static void a_default_start_is_in_the_largest_gap(void **state)
{
    struct wanted wanted =
        want("label: gpt\nstart=20480, size=2048\nsize=2048\nsize=+\n", &nothing);

    (void)state;
    check_entry(&wanted, 2, 22528, 2048);
    check_entry(&wanted, 3, 24576, 178176);
    wanted_clear(&wanted);
}

static void a_number_comes_from_the_node(void **state)
{
    struct wanted wanted = want("label: gpt\n/dev/nvme0n1p7 : size=2048\nsize=2048\n", &nothing);

    (void)state;
    check_entry(&wanted, 7, 2048, 2048);
    check_entry(&wanted, 1, 4096, 2048);
    wanted_clear(&wanted);
}

static void names_and_attributes_are_read(void **state)
{
    struct wanted wanted = want("label: gpt\nsize=1M, name=\"a \\x22b, c;\", attrs=\"GUID:63,48 "
                                "RequiredPartition\"\n",
                                &nothing);

    (void)state;
    assert_string_equal(wanted.table->entries[0].name, "a \"b, c;");
    assert_true(wanted.table->entries[0].attributes == (UINT64_C(1) << 63 | UINT64_C(1) << 48 | 1));
    wanted_clear(&wanted);
}

static void logical_partitions_lie_in_the_extended_one(void **state)
{
    struct wanted wanted = want(
        "label: dos\nsize=10M\nsize=50M, type=E\n/dev/x5 : size=5M\n/dev/x6 : size=+, bootable\n",
        &nothing);

    (void)state;
    assert_int_equal(wanted.table->extended.number, 2);
    assert_int_equal(wanted.table->extended.range.start, 11 * MIB);
    check_entry(&wanted, 5, 12 * 2048, 5 * 2048);
    check_entry(&wanted, 6, 18 * 2048, 43 * 2048);
    assert_true(table_entry_by_number(wanted.table, 6)->attributes == TABLE_ACTIVE);
    wanted_clear(&wanted);
}

static void a_partition_that_is_there_keeps_what_the_script_leaves_open(void **state)
{
    struct wanted there = want("label: gpt\nsize=10M, name=a\nsize=10M, name=b\n", &nothing);
    struct wanted wanted = want("size=10M\nsize=20M, name=c\n", there.table);

    (void)state;
    assert_true(guid_equal(&wanted.table->uuid, &there.table->uuid));
    for (unsigned i = 0; i < 2; i++)
        assert_true(guid_equal(&wanted.table->entries[i].uuid, &there.table->entries[i].uuid));
    assert_string_equal(wanted.table->entries[0].name, "a");
    assert_string_equal(wanted.table->entries[1].name, "c");
    wanted_clear(&there);
    wanted_clear(&wanted);
}

static void a_line_with_a_guid_is_whole(void **state)
{
    struct wanted there = want("label: gpt\nsize=10M, name=a\n", &nothing);
    struct wanted wanted =
        want("size=10M, uuid=0a1b2c3d-0000-4000-8000-000000000001\n", there.table);

    (void)state;
    assert_string_equal(wanted.table->entries[0].name, "");
    wanted_clear(&there);
    wanted_clear(&wanted);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    check_refused("label: gpt\nsize=200M\n", ERR_NO_SPACE,
                  "x:2: size 200M: at sector 2048 at most 202719 sectors fit");
    check_refused("label: gpt\nstart=2048, size=8\nstart=2050, size=8\n", ERR_NO_SPACE,
                  "x:3: start 2050: that sector is partition 1's");
    check_refused("label: gpt\nstart=8, size=8\n", ERR_NO_SPACE, "usable sectors are 2048 to");
    check_refused("label: dos\nsize=60M\nsize=60M\n", ERR_NO_SPACE,
                  "x:3: size 60M: 122880 sectors do not fit");
    check_refused("label: gpt\ntable-length: 2\n,1M\n,1M\n,1M\n", ERR_NO_SPACE,
                  "x:5: partition 3: the table has room for 2");
}

static void what_cannot_be_read_is_refused_with_its_line(void **state)
{
    (void)state;
    check_refused("label: gpt\n\nsize=10Q\n", ERR_SYNTAX, "x:3: size: \"10Q\"");
    check_refused("label: gpt\nsize=010M\n", ERR_SYNTAX, "x:2: size 010M");
    check_refused("label: gpt\nsise=1\n", ERR_SYNTAX, "x:2: found \"sise=1\"");
    check_refused("label: gpt\n1 2 L * 5\n", ERR_SYNTAX, "x:2: found \"5\"");
    check_refused("label: gpt\nname=\"a\n", ERR_SYNTAX, "x:2: the quotation mark");
    check_refused("label: gpt\nsize=1M, name=\"\\xff\"\n", ERR_SYNTAX, "is not UTF-8");
    check_refused("label: gpt\n/dev/x0 : size=1M\n", ERR_SYNTAX, "/dev/x0 is no partition's");
    check_refused("label: sgi\n", ERR_UNSUPPORTED, "x:1: label: found \"sgi\"");
    check_refused("label: gpt\nsize=-1M\n", ERR_UNSUPPORTED, "x:2: size -1M");
    check_refused("label: gpt\nlabel-id: 12\n", ERR_SYNTAX, "label-id");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(named_and_unnamed_fields_say_the_same),
        cmocka_unit_test(a_default_start_is_in_the_largest_gap),
        cmocka_unit_test(a_number_comes_from_the_node),
        cmocka_unit_test(names_and_attributes_are_read),
        cmocka_unit_test(logical_partitions_lie_in_the_extended_one),
        cmocka_unit_test(a_partition_that_is_there_keeps_what_the_script_leaves_open),
        cmocka_unit_test(a_line_with_a_guid_is_whole),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(what_cannot_be_read_is_refused_with_its_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
