// SPDX-License-Identifier: GPL-3.0-or-later
/* repart.d: what a file says, and how free space is divided. */
#include "core/size.h"
#include "partition/repart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GRAIN UINT64_C(4096)

/* Adds the partition that the text of [Partition] describes. */
static struct repart_partition *add(struct repart_set *set, const char *text)
{
    struct repart_partition *partition;
    struct err e;
    char file[512];

    snprintf(file, sizeof(file), "[Partition]\n%s", text);
    partition = repart_set_add(set, &e);
    assert_non_null(partition);
    partition->file = strdup("x.conf");
    assert_int_equal(repart_file_parse(file, "x.conf", partition, &e), 0);
    assert_int_equal(repart_key_finish(partition, "x.conf", &e), 0);
    return partition;
}

static void place(struct repart_set *set, uint64_t bytes)
{
    struct err e;

    assert_int_equal(repart_place(set, (struct extent){MIB, bytes}, GRAIN, &e), 0);
}

static void check_refused(const char *text, enum err_code code, const char *says)
{
    struct repart_set set = {0};
    struct err e;
    struct repart_partition *partition = repart_set_add(&set, &e);

    assert_int_equal(repart_file_parse(text, "x.conf", partition, &e), -1);
    assert_int_equal(e.code, code);
    assert_non_null(strstr(e.text, says));
    repart_set_clear(&set);
}

static void space_is_divided_by_weight(void **state)
{
    struct repart_set set = {0};

    (void)state;
    add(&set, "Type=home\nWeight=1000\n");
    add(&set, "Type=root\nWeight=3000\n");
    place(&set, 80 * MIB);
    assert_int_equal(set.partitions[0].start, MIB);
    assert_int_equal(set.partitions[0].size, 20 * MIB);
    assert_int_equal(set.partitions[1].start, 21 * MIB);
    assert_int_equal(set.partitions[1].size, 60 * MIB);
    repart_set_clear(&set);
}

static void a_minimum_comes_before_the_weights(void **state)
{
    struct repart_set set = {0};

    (void)state;
    add(&set, "Type=home\nSizeMinBytes=50M\n");
    add(&set, "Type=root\n");
    add(&set, "Type=var\n");
    place(&set, 90 * MIB);
    assert_int_equal(set.partitions[0].size, 50 * MIB);
    assert_int_equal(set.partitions[1].size, 20 * MIB);
    assert_int_equal(set.partitions[2].size, 20 * MIB);
    repart_set_clear(&set);
}

static void what_a_maximum_leaves_goes_to_the_others(void **state)
{
    struct repart_set set = {0};

    (void)state;
    add(&set, "Type=home\nSizeMaxBytes=12M\n");
    add(&set, "Type=root\n");
    place(&set, 90 * MIB);
    assert_int_equal(set.partitions[0].size, 12 * MIB);
    assert_int_equal(set.partitions[1].size, 78 * MIB);
    repart_set_clear(&set);
}

static void padding_stays_free(void **state)
{
    struct repart_set set = {0};

    (void)state;
    add(&set, "Type=home\nSizeMaxBytes=12M\nPaddingMinBytes=3M\nPaddingMaxBytes=3M\n");
    add(&set, "Type=root\n");
    place(&set, 90 * MIB);
    assert_int_equal(set.partitions[1].start, 16 * MIB);
    repart_set_clear(&set);
}

static void those_of_the_highest_priority_value_are_given_up_first(void **state)
{
    struct repart_set set = {0};

    (void)state;
    add(&set, "Type=home\nSizeMinBytes=50M\nPriority=1\n");
    add(&set, "Type=root\nSizeMinBytes=50M\n");
    add(&set, "Type=var\nPriority=2\n");
    place(&set, 60 * MIB);
    assert_true(set.partitions[0].dropped);
    assert_false(set.partitions[1].dropped);
    assert_true(set.partitions[2].dropped);
    assert_int_equal(set.partitions[1].size, 60 * MIB);
    repart_set_clear(&set);
}

static void what_does_not_fit_is_refused(void **state)
{
    struct repart_set set = {0};
    struct err e;

    (void)state;
    add(&set, "Type=root\nSizeMinBytes=50M\n");
    assert_int_equal(repart_place(&set, (struct extent){MIB, 40 * MIB}, GRAIN, &e), -1);
    assert_int_equal(e.code, ERR_NO_SPACE);
    assert_non_null(strstr(e.text, "40 MiB"));
    repart_set_clear(&set);
}

static void an_existing_partition_grows_into_the_space_behind_it(void **state)
{
    struct repart_set set = {0};
    struct table_entry there = {.number = 3, .range = {2 * MIB, 10 * MIB}};
    struct repart_partition *partition;

    (void)state;
    partition = add(&set, "Type=home\n");
    partition->there = &there;
    partition->number = 3;
    partition->start = there.range.start;
    partition->size_there = there.range.bytes;
    add(&set, "Type=root\n");
    place(&set, 61 * MIB);
    assert_int_equal(set.partitions[0].start, 2 * MIB);
    assert_int_equal(set.partitions[0].size, 30 * MIB);
    assert_int_equal(set.partitions[1].start, 32 * MIB);
    assert_int_equal(set.partitions[1].size, 30 * MIB);
    assert_int_equal(set.partitions[1].number, 4);
    repart_set_clear(&set);
}

static void what_is_far_too_large_for_an_existing_partition_is_refused(void **state)
{
    struct repart_set set = {0};
    struct table_entry there = {.number = 1, .range = {2 * MIB, 10 * MIB}};
    struct repart_partition *partition;
    struct err e;

    (void)state;
    partition = add(&set, "Type=home\nSizeMinBytes=7.99E\nPaddingMinBytes=7.99E\n");
    partition->there = &there;
    partition->number = 1;
    partition->start = there.range.start;
    partition->size_there = there.range.bytes;
    assert_int_equal(repart_place(&set, (struct extent){MIB, 61 * MIB}, GRAIN, &e), -1);
    assert_int_equal(e.code, ERR_NO_SPACE);
    repart_set_clear(&set);
}

/* The values are systemd-repart's own. */
static void guids_follow_from_the_seed_and_the_type(void **state)
{
    struct repart_set set = {0};
    struct err e;
    struct guid seed, disk;
    char text[GUID_TEXT];

    (void)state;
    assert_int_equal(guid_parse("8d5a2f0e-3c41-4b8e-9a67-1f2e3d4c5b6a", &seed, &e), 0);
    repart_disk_guid(&seed, &disk);
    assert_string_equal(guid_print(&disk, text), "cd9ec973-1de0-40fc-ba33-78308cd22af6");
    add(&set, "Type=swap\n");
    add(&set, "Type=swap\n");
    assert_int_equal(repart_identity_fill(&set, &seed, &e), 0);
    assert_string_equal(guid_print(&set.partitions[0].uuid, text),
                        "36a9dc04-c0b6-4fe0-b9d0-611059236297");
    assert_string_equal(guid_print(&set.partitions[1].uuid, text),
                        "a932856a-88eb-498f-9b47-96b2a815511c");
    assert_string_equal(set.partitions[0].label, "swap");
    assert_string_equal(set.partitions[1].label, "swap-2");
    repart_set_clear(&set);
}

static void lines_are_joined_and_comments_skipped(void **state)
{
    struct repart_set set = {0};

    (void)state;
    add(&set, "# a\n;b\nType = home \nLabel=one \\\n# between\n two\nX-Mine=%\n[X-Other]\n?\n");
    assert_string_equal(set.partitions[0].label, "one   two");
    repart_set_clear(&set);
}

static void sizes_have_binary_suffixes_and_are_rounded(void **state)
{
    struct repart_set set = {0};

    (void)state;
    add(&set, "Type=home\nSizeMinBytes=1.5K\nSizeMaxBytes=1M 1K\nPaddingMaxBytes=0\n");
    assert_int_equal(set.partitions[0].size_min, 0);
    assert_int_equal(set.partitions[0].size_max, MIB + GRAIN);
    assert_int_equal(set.partitions[0].padding_max, 0);
    repart_set_clear(&set);
}

static void what_cannot_be_read_is_refused_with_its_line(void **state)
{
    (void)state;
    check_refused("[Partition]\nType=nonsense\n", ERR_SYNTAX, "x.conf:2: Type=");
    check_refused("[Partition]\n\nWeight=1000001\n", ERR_SYNTAX, "x.conf:3: Weight=");
    check_refused("[Partition]\nSizeMinBytes=10Q\n", ERR_SYNTAX, "x.conf:2: SizeMinBytes=");
    check_refused("[Partition]\nColour=red\n", ERR_SYNTAX, "x.conf:2: there is no key \"Colour\"");
    check_refused("Type=home\n", ERR_SYNTAX, "x.conf:1: found \"Type=home\" before [Partition]");
    check_refused("[Section]\n", ERR_SYNTAX, "x.conf:1: found \"[Section]\"");
    check_refused("[Partition]\nType\n", ERR_SYNTAX, "x.conf:2");
}

static void what_berth_does_not_do_is_refused_by_name(void **state)
{
    (void)state;
    check_refused("[Partition]\nCopyFiles=/a:/b\n", ERR_UNSUPPORTED, "x.conf:2: CopyFiles=");
    check_refused("[Partition]\nEncrypt=tpm2\n", ERR_UNSUPPORTED, "x.conf:2: Encrypt=");
    check_refused("[Partition]\nMinimize=best\n", ERR_UNSUPPORTED, "x.conf:2: Minimize=");
    check_refused("[Partition]\nFormat=squashfs\n", ERR_UNSUPPORTED, "x.conf:2: Format=");
    check_refused("[Partition]\nLabel=%m\n", ERR_UNSUPPORTED, "\"%m\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(space_is_divided_by_weight),
        cmocka_unit_test(a_minimum_comes_before_the_weights),
        cmocka_unit_test(what_a_maximum_leaves_goes_to_the_others),
        cmocka_unit_test(padding_stays_free),
        cmocka_unit_test(those_of_the_highest_priority_value_are_given_up_first),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(an_existing_partition_grows_into_the_space_behind_it),
        cmocka_unit_test(what_is_far_too_large_for_an_existing_partition_is_refused),
        cmocka_unit_test(guids_follow_from_the_seed_and_the_type),
        cmocka_unit_test(lines_are_joined_and_comments_skipped),
        cmocka_unit_test(sizes_have_binary_suffixes_and_are_rounded),
        cmocka_unit_test(what_cannot_be_read_is_refused_with_its_line),
        cmocka_unit_test(what_berth_does_not_do_is_refused_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
