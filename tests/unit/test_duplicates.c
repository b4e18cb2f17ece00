// SPDX-License-Identifier: GPL-3.0-or-later
/* What two disks of one machine must not have in common. */
#include "partition/duplicates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DISK_GUID "11111111-1111-4111-8111-111111111111"
#define PART_GUID "22222222-2222-4222-8222-222222222222"
#define ELSEWISE  "33333333-3333-4333-8333-333333333333"

static struct survey_partition partition(unsigned number, const char *uuid, const char *fs,
                                         const char *fs_uuid)
{
    struct survey_partition p = {
        .number = number, .fs = (char *)(uintptr_t)fs, .fs_uuid = (char *)(uintptr_t)fs_uuid};
    struct err e;

    assert_int_equal(guid_parse(uuid, &p.uuid, &e), 0);
    return p;
}

static struct survey disk(const char *path, const char *uuid, struct survey_partition *partition)
{
    struct survey s = {.path = (char *)(uintptr_t)path,
                       .table = TABLE_GPT,
                       .partitions = partition,
                       .n_partitions = 1};
    struct err e;

    assert_int_equal(guid_parse(uuid, &s.uuid, &e), 0);
    return s;
}

/* The texts, with "; " between them. */
static const char *duplicates(const struct survey *a, const struct survey *b)
{
    static char text[512];
    struct damage *list = NULL;
    struct err e;
    size_t n = 0;

    text[0] = '\0';
    assert_int_equal(duplicates_compare(a, b, &list, &n, &e), 0);
    for (size_t i = 0; i < n; i++) {
        strcat(text, i > 0 ? "; " : "");
        strcat(text, list[i].text);
    }
    damage_free(list, n);
    return text;
}

static void a_clone_has_every_uuid_twice(void **state)
{
    struct survey_partition p = partition(1, PART_GUID, "ext4", "f"),
                            q = partition(3, PART_GUID, "ext4", "f");
    struct survey a = disk("/dev/sda", DISK_GUID, &p), b = disk("/dev/sdb", DISK_GUID, &q);

    (void)state;
    assert_string_equal(duplicates(&a, &b),
                        "the table has the id of that of /dev/sdb; "
                        "partition 1 has the UUID of partition 3 of /dev/sdb; "
                        "the ext4 of partition 1 has the UUID of that of partition 3 of /dev/sdb");
}

static void a_copy_of_a_partition_is_found_on_the_disk_and_on_one_without_a_table(void **state)
{
    struct survey_partition parts[] = {partition(1, PART_GUID, "ext4", "f"),
                                       partition(2, ELSEWISE, "ext4", "f")};
    struct survey a = disk("/dev/sda", DISK_GUID, parts);
    struct survey whole = {
        .path = (char *)(uintptr_t) "/dev/sdb", .fs = parts[0].fs, .fs_uuid = parts[0].fs_uuid};
    struct damage *list = NULL;
    struct err e;
    size_t n = 0;

    (void)state;
    a.n_partitions = 2;
    assert_int_equal(duplicates_within(&a, &list, &n, &e), 0);
    assert_int_equal(n, 1);
    assert_int_equal(list[0].kind, DAMAGE_DUPLICATE_FS);
    assert_int_equal(list[0].number, 2);
    assert_string_equal(list[0].text,
                        "the ext4 of partition 2 has the UUID of that of partition 1");
    damage_free(list, n);
    a.n_partitions = 1;
    assert_string_equal(duplicates(&a, &whole),
                        "the ext4 of partition 1 has the UUID of that of /dev/sdb");
    assert_string_equal(duplicates(&whole, &a),
                        "the ext4 of the disk has the UUID of that of partition 1 of /dev/sda");
}

static void a_part_of_what_spans_disks_may_be_there_once(void **state)
{
    struct survey_partition p = partition(1, PART_GUID, "btrfs", "f"),
                            q = partition(1, ELSEWISE, "btrfs", "f");
    struct survey a = disk("/dev/sda", DISK_GUID, &p), b = disk("/dev/sdb", ELSEWISE, &q);

    (void)state;
    p.fs_device_uuid = (char *)(uintptr_t) "d";
    q.fs_device_uuid = (char *)(uintptr_t) "other";
    assert_string_equal(duplicates(&a, &b), "");
    q.fs_device_uuid = p.fs_device_uuid;
    assert_string_equal(duplicates(&a, &b),
                        "the btrfs of partition 1 has the UUID of that of partition 1 of /dev/sdb");
}

static void disks_of_their_own_have_nothing_in_common(void **state)
{
    struct survey_partition p = partition(1, PART_GUID, "ext4", "f"),
                            q = partition(1, ELSEWISE, "ext4", "g");
    struct survey a = disk("/dev/sda", DISK_GUID, &p), b = disk("/dev/sdb", ELSEWISE, &q);

    (void)state;
    assert_string_equal(duplicates(&a, &b), "");
}

static void parts_of_one_raid_may_share_its_uuid(void **state)
{
    struct survey_partition p = partition(1, PART_GUID, "linux_raid_member", "f"),
                            q = partition(1, ELSEWISE, "linux_raid_member", "f");
    struct survey a = disk("/dev/sda", DISK_GUID, &p), b = disk("/dev/sdb", ELSEWISE, &q);

    (void)state;
    assert_string_equal(duplicates(&a, &b), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clone_has_every_uuid_twice),
        cmocka_unit_test(a_copy_of_a_partition_is_found_on_the_disk_and_on_one_without_a_table),
        cmocka_unit_test(a_part_of_what_spans_disks_may_be_there_once),
        cmocka_unit_test(disks_of_their_own_have_nothing_in_common),
        cmocka_unit_test(parts_of_one_raid_may_share_its_uuid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
