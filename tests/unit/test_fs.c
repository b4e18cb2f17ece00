// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * test_fs.c: every kind of filesystem, made on a device that holds 0xff at its ends and in every
 * 64 KiB between, is what libblkid says it is, and its own tools find nothing wrong with it.
 * (LUKS wants seconds for its key: tests/cases/test_fs.py.)
 */
#include "core/cleanup.h"
#include "core/size.h"
#include "fs/fs.h"
#include "fs/probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DEVICE (320 * MIB) /* XFS is none below 300 */
#define ENDS   (8 * MIB)
#define UUID   "6a5b4c3d-1234-4abc-9def-0123456789ab"

static const struct kind {
    const char *name, *blkid, *label, *uuid;
} kinds[] = {
    {"ext4", "ext4", "data", UUID}, {"ext3", "ext3", "data", UUID},
    {"ext2", "ext2", "data", UUID}, {"vfat", "vfat", "DATA", "6A5B-4C3D"},
    {"swap", "swap", "data", UUID}, {"ntfs", "ntfs", "data", "4ABC12346A5B4C3D"},
    {"xfs", "xfs", "data", UUID},   {"btrfs", "btrfs", "data", UUID},
};

static struct blockdev *device_of_garbage(unsigned sector)
{
    struct err e = {0};
    struct blockdev *bd = mem_open(DEVICE, sector, &e);
    _cleanup_free_ char *junk = malloc(ENDS);

    memset(junk, 0xff, ENDS);
    assert_non_null(bd);
    for (uint64_t at = 0; at < DEVICE; at += 64 * KIB)
        assert_int_equal(blockdev_pwrite(bd, junk, 4096, at, &e), 0);
    assert_int_equal(blockdev_pwrite(bd, junk, ENDS, 0, &e), 0);
    assert_int_equal(blockdev_pwrite(bd, junk, ENDS, DEVICE - ENDS, &e), 0);
    return bd;
}

static void assert_ok(int result, const char *what, const struct kind *kind, const struct err *e)
{
    if (result != 0)
        fail_msg("%s: %s: %s", kind->name, what, e->text);
}

static void assert_recognised(struct blockdev *bd, const struct kind *kind)
{
    struct extent all = {0, bd->bytes};
    struct probe probe;
    struct err e = {0};

    assert_int_equal(probe_range(bd, all, &probe, &e), 0);
    assert_false(probe.ambivalent);
    assert_string_equal(probe.fs, kind->blkid);
    assert_string_equal(probe.label, kind->label);
    assert_string_equal(probe.uuid, kind->uuid);
    assert_ptr_equal(fs_by_blkid(probe.fs), fs_by_name(kind->name));
    probe_clear(&probe);
}

static void is_made_over_anything(const struct kind *kind, unsigned sector)
{
    const struct fs_ops *ops = fs_by_name(kind->name);
    _cleanup_blockdev_ struct blockdev *bd = device_of_garbage(sector);
    struct fs_options options = {.label = "data", .at = MIB};
    struct fs_bounds bounds;
    struct err e = {0};

    assert_non_null(ops);
    assert_int_equal(guid_parse(UUID, &options.uuid, &e), 0);
    assert_ok(ops->make(bd, &options, &e), "make", kind, &e);
    assert_recognised(bd, kind);
    assert_ok(ops->check(bd, &e), "check", kind, &e);
    assert_ok(ops->ready(bd, &e), "ready", kind, &e);
    assert_ok(ops->bounds(bd, &bounds, &e), "bounds", kind, &e);
    assert_in_range(bounds.now, DEVICE - MIB, DEVICE);
    assert_true(bounds.least <= bounds.now && bounds.now <= bounds.most);
}

static void every_kind_is_made_over_anything(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        is_made_over_anything(&kinds[i], 512);
}

static void every_kind_is_made_with_sectors_of_4096_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        is_made_over_anything(&kinds[i], 4096);
}

/* A swap area writes least of all: one page. */
static void what_was_there_before_is_not_recognised(void **state)
{
    struct err e = {0};
    _cleanup_blockdev_ struct blockdev *bd = mem_open(DEVICE, 512, &e);
    struct fs_options options = {.label = "data", .at = MIB};
    const struct kind swap = {"swap", "swap", "data", UUID};

    (void)state;
    assert_int_equal(guid_parse(UUID, &options.uuid, &e), 0);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        assert_ok(fs_by_name(kinds[i].name)->make(bd, &options, &e), "make", &kinds[i], &e);
        assert_recognised(bd, &kinds[i]);
        assert_ok(fs_by_name("swap")->make(bd, &options, &e), "make", &swap, &e);
        assert_recognised(bd, &swap);
    }
}

static void a_label_that_is_too_long_is_refused(void **state)
{
    struct err e = {0};
    _cleanup_blockdev_ struct blockdev *bd = mem_open(DEVICE, 512, &e);
    char label[300];
    struct fs_options options = {.label = label, .key_file = "/dev/null"};
    const struct fs_ops *ops;

    (void)state;
    assert_int_equal(blockdev_pwrite(bd, "keep", 4, 0, &e), 0);
    memset(label, 'a', sizeof(label) - 1);
    label[sizeof(label) - 1] = '\0';
    for (size_t i = 0; (ops = fs_at(i)) != NULL; i++) {
        assert_int_equal(ops->make(bd, &options, &e), -1);
        assert_int_equal(e.code, ERR_USAGE);
    }
    assert_int_equal(blockdev_pread(bd, label, 4, 0, &e), 0);
    assert_memory_equal(label, "keep", 4);
}

static void a_device_that_is_too_small_is_refused(void **state)
{
    struct err e = {0};
    _cleanup_blockdev_ struct blockdev *bd = mem_open(32 * KIB, 512, &e);
    struct fs_options options = {.key_file = "/dev/null"};
    const struct fs_ops *ops;

    (void)state;
    for (size_t i = 0; (ops = fs_at(i)) != NULL; i++) {
        assert_int_equal(ops->make(bd, &options, &e), -1);
        assert_int_equal(e.code, ERR_NO_SPACE);
    }
}

/* None of them reads past the end or takes zeros for a filesystem. */
static void what_is_no_filesystem_is_refused(void **state)
{
    struct err e = {0};
    _cleanup_blockdev_ struct blockdev *small = mem_open(512, 512, &e);
    _cleanup_blockdev_ struct blockdev *zeros = mem_open(16 * MIB, 512, &e);
    const struct fs_ops *ops;
    struct fs_bounds bounds;

    (void)state;
    for (size_t i = 0; (ops = fs_at(i)) != NULL; i++) {
        assert_int_equal(ops->ready(small, &e), -1);
        assert_int_equal(ops->ready(zeros, &e), -1);
        assert_int_equal(ops->check(zeros, &e), -1);
        if (strcmp(ops->name, "luks") != 0)
            assert_int_equal(ops->bounds(zeros, &bounds, &e), -1);
    }
}

static void luks_wants_a_key_file(void **state)
{
    struct err e = {0};
    _cleanup_blockdev_ struct blockdev *bd = mem_open(DEVICE, 512, &e);
    struct fs_options options = {0};

    (void)state;
    assert_int_equal(fs_by_name("luks")->make(bd, &options, &e), -1);
    assert_int_equal(e.code, ERR_USAGE);
    assert_non_null(strstr(e.hint, "--key-file"));
}

static void swap_keeps_its_uuid_and_label_when_resized(void **state)
{
    struct err e = {0};
    _cleanup_blockdev_ struct blockdev *bd = mem_open(8 * MIB, 512, &e);
    _cleanup_blockdev_ struct blockdev *overlay = overlay_open(bd, NULL, &e);
    const struct kind kind = {"swap", "swap", "data", UUID};
    const struct fs_ops *ops = fs_by_name("swap");
    struct fs_options options = {.label = "data"};
    struct fs_bounds bounds;

    (void)state;
    assert_int_equal(guid_parse(UUID, &options.uuid, &e), 0);
    assert_int_equal(ops->make(bd, &options, &e), 0);
    assert_ok(ops->resize(overlay, 4 * MIB, &e), "resize", &kind, &e);
    assert_int_equal(ops->bounds(overlay, &bounds, &e), 0);
    assert_int_equal(bounds.now, 4 * MIB);
    assert_int_equal(blockdev_copy_data(overlay, bd, &e), 0);
    assert_recognised(bd, &kind);
}

static void swap_with_a_sleeping_system_is_refused(void **state)
{
    struct err e = {0};
    _cleanup_blockdev_ struct blockdev *bd = mem_open(8 * MIB, 512, &e);
    const struct fs_ops *ops = fs_by_name("swap");
    struct fs_options options = {0};

    (void)state;
    assert_int_equal(ops->make(bd, &options, &e), 0);
    assert_int_equal(blockdev_pwrite(bd, "S1SUSPEND", 10, 4096 - 10, &e), 0);
    assert_int_equal(ops->ready(bd, &e), -1);
    assert_int_equal(e.code, ERR_REFUSED);
}

static void bounds_say_what_does_not_fit(void **state)
{
    const struct fs_bounds bounds = {.now = 8 * MIB, .least = 4 * MIB, .most = 16 * MIB};
    struct err e = {0};
    _cleanup_blockdev_ struct blockdev *bd = mem_open(MIB, 512, &e);

    (void)state;
    assert_int_equal(fs_bounds_allow(bd, &bounds, 4 * MIB, &e), 0);
    assert_int_equal(fs_bounds_allow(bd, &bounds, 4 * MIB - 1, &e), -1);
    assert_int_equal(e.code, ERR_NO_SPACE);
    assert_non_null(strstr(e.text, "4MiB"));
    assert_int_equal(fs_bounds_allow(bd, &bounds, 16 * MIB + 1, &e), -1);
    assert_non_null(strstr(e.text, "16MiB"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_made_over_anything),
        cmocka_unit_test(every_kind_is_made_with_sectors_of_4096_bytes),
        cmocka_unit_test(what_was_there_before_is_not_recognised),
        cmocka_unit_test(a_label_that_is_too_long_is_refused),
        cmocka_unit_test(a_device_that_is_too_small_is_refused),
        cmocka_unit_test(what_is_no_filesystem_is_refused),
        cmocka_unit_test(luks_wants_a_key_file),
        cmocka_unit_test(swap_keeps_its_uuid_and_label_when_resized),
        cmocka_unit_test(swap_with_a_sleeping_system_is_refused),
        cmocka_unit_test(bounds_say_what_does_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
