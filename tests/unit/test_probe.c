// SPDX-License-Identifier: GPL-3.0-or-later
/* Signatures: each kind is found in a range, wiped, and then not even blkid sees it. */
#include "core/cleanup.h"
#include "core/size.h"
#include "core/spawn.h"
#include "fs/probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BEFORE MIB /* what the range has in front of it, and behind */

/* A range of a disk in memory, into which the tools write by a path. */
struct fixture {
    struct blockdev *disk, *stage; /* the range is a copy of the stage */
    struct extent range;
    struct probe_signature *list;
    size_t n;
};

static void open_stage(struct fixture *f, uint64_t bytes)
{
    struct err e;

    *f = (struct fixture){.range = {BEFORE, bytes}};
    f->stage = mem_open(bytes, 512, &e);
    f->disk = mem_open(bytes + 2 * BEFORE, 512, &e);
    assert_non_null(f->stage);
    assert_non_null(f->disk);
}

/* Makes it with a tool; "@" among the arguments stands for the path. */
static void make(struct fixture *f, const char *const *argv)
{
    char path[MEM_PATH];
    const char *filled[16] = {0};
    struct spawn spawn = {.argv = filled, .stdin_fd = -1, .stdout_fd = -1};
    struct err e;

    mem_path(f->stage, path);
    for (int i = 0; argv[i] != NULL; i++)
        filled[i] = strcmp(argv[i], "@") == 0 ? path : argv[i];
    if (spawn_run(&spawn, NULL, &e) < 0)
        fail_msg("%s", e.text);
}

static void put(struct fixture *f, uint64_t offset, const void *bytes, size_t n)
{
    struct err e;

    assert_int_equal(blockdev_pwrite(f->stage, bytes, n, offset, &e), 0);
}

static void put_u32(struct fixture *f, uint64_t offset, uint32_t value)
{
    put(f, offset, &value, sizeof(value));
}

static void put_u64(struct fixture *f, uint64_t offset, uint64_t value)
{
    put(f, offset, &value, sizeof(value));
}

/* Puts the stage into the range and lists its signatures. */
static void find(struct fixture *f)
{
    _cleanup_blockdev_ struct blockdev *slice = NULL;
    struct err e;

    slice = slice_open(f->disk, f->range, &e);
    assert_non_null(slice);
    assert_int_equal(blockdev_copy_data(f->stage, slice, &e), 0);
    if (probe_signatures(f->disk, f->range, &f->list, &f->n, &e) < 0)
        fail_msg("%s", e.text);
}

static const struct probe_signature *named(const struct fixture *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->list[i].name, name) == 0)
            return &f->list[i];
    fail_msg("no signature %s among %zu", name, f->n);
    return NULL;
}

static size_t count(const struct fixture *f, const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < f->n; i++)
        n += strcmp(f->list[i].name, name) == 0;
    return n;
}

/* Copies the range back to the stage and asks blkid itself, which exits 2 when it sees nothing. */
static void assert_blkid_sees_nothing(struct fixture *f)
{
    char path[MEM_PATH];
    unsigned char buf[64 * KIB];
    struct err e;

    for (uint64_t at = 0; at < f->range.bytes; at += sizeof(buf)) {
        size_t n = f->range.bytes - at < sizeof(buf) ? (size_t)(f->range.bytes - at) : sizeof(buf);

        assert_int_equal(blockdev_pread(f->disk, buf, n, BEFORE + at, &e), 0);
        put(f, at, buf, n);
    }
    mem_path(f->stage, path);
    assert_int_equal(spawn_tool(NULL, &e, "blkid", "--probe", path, NULL), -1);
    assert_non_null(strstr(e.text, "blkid failed (2)"));
}

static void close_all(struct fixture *f)
{
    blockdev_close(f->disk);
    blockdev_close(f->stage);
    free(f->list);
}

/* Wipes what was found: nothing is found afterwards. Ends the test. */
static void wipe(struct fixture *f)
{
    struct probe_signature *again;
    struct err e;
    size_t n;

    assert_int_equal(probe_wipe(f->disk, f->range, f->list, f->n, &e), 0);
    assert_int_equal(probe_signatures(f->disk, f->range, &again, &n, &e), 0);
    assert_int_equal(n, 0);
    free(again);
    assert_blkid_sees_nothing(f);
    close_all(f);
}

/* The whole of a test of what one tool makes. */
static void made_found_wiped(uint64_t bytes, const char *const *argv, const char *name,
                             enum probe_usage usage, size_t copies)
{
    struct fixture f;

    open_stage(&f, bytes);
    make(&f, argv);
    find(&f);
    assert_int_equal(named(&f, name)->usage, usage);
    assert_int_equal(count(&f, name), copies);
    wipe(&f);
}

#define MADE(bytes, name, usage, copies, ...)                                                      \
    made_found_wiped(bytes, (const char *const[]){__VA_ARGS__, NULL}, name, usage, copies)

static void filesystems_are_found_and_wiped(void **state)
{
    (void)state;
    MADE(8 * MIB, "ext4", PROBE_FILESYSTEM, 1, "mke2fs", "-q", "-F", "-t", "ext4", "@");
    MADE(300 * MIB, "xfs", PROBE_FILESYSTEM, 1, "mkfs.xfs", "-q", "-f", "@");
    MADE(8 * MIB, "swap", PROBE_OTHER, 1, "mkswap", "-q", "@");
}

/* FAT and NTFS have a magic in the name of their kind, and the one that every boot sector ends
 * with.
 */
static void all_magics_of_a_boot_sector_are_found(void **state)
{
    struct fixture f;

    (void)state;
    open_stage(&f, 40 * MIB);
    make(&f, (const char *const[]){"mkfs.vfat", "-F", "32", "@", NULL});
    find(&f);
    assert_true(count(&f, "vfat") >= 2);
    wipe(&f);
    open_stage(&f, 8 * MIB);
    make(&f, (const char *const[]){"mkntfs", "-q", "-Q", "-F", "-p", "0", "-s", "512", "-H", "255",
                                   "-S", "63", "@", NULL});
    find(&f);
    assert_int_equal(named(&f, "ntfs")->offset, 3);
    wipe(&f);
}

static void every_copy_of_a_btrfs_is_found(void **state)
{
    struct fixture f;

    (void)state;
    open_stage(&f, 160 * MIB);
    make(&f, (const char *const[]){"mkfs.btrfs", "-q", "@", NULL});
    find(&f);
    assert_int_equal(count(&f, "btrfs"), 2);
    assert_int_equal(f.list[1].offset, 64 * MIB + 64);
    wipe(&f);
}

static void both_headers_of_a_luks2_are_found(void **state)
{
    (void)state;
    MADE(24 * MIB, "crypto_LUKS", PROBE_CRYPTO, 2, "cryptsetup", "luksFormat", "--batch-mode",
         "--type", "luks2", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--key-file",
         "/dev/zero", "--keyfile-size", "8", "@");
}

static void a_gpt_is_found_with_its_backup_and_its_guard(void **state)
{
    struct fixture f;

    (void)state;
    open_stage(&f, 8 * MIB);
    make(&f, (const char *const[]){"sgdisk", "--new=1:0:0", "@", NULL});
    find(&f);
    assert_int_equal(count(&f, "gpt"), 2);
    assert_int_equal(named(&f, "PMBR")->offset, 510);
    assert_int_equal(f.list[f.n - 1].offset, 8 * MIB - 512);
    assert_int_equal(f.list[f.n - 1].usage, PROBE_TABLE);
    wipe(&f);
}

static void a_gpt_is_found_without_its_guard(void **state)
{
    const unsigned char nothing[512] = {0};
    struct fixture f;

    (void)state;
    open_stage(&f, 8 * MIB);
    make(&f, (const char *const[]){"sgdisk", "--new=1:0:0", "@", NULL});
    put(&f, 0, nothing, sizeof(nothing));
    find(&f);
    assert_int_equal(count(&f, "gpt"), 2);
    wipe(&f);
}

/* The label of a physical volume in sector 1 (lvm2: lib/format_text/layout.h, lib/label/label.h).
 */
static void put_lvm(struct fixture *f)
{
    put(f, 512, "LABELONE", 8);
    put_u64(f, 512 + 8, 1);
    put_u32(f, 512 + 20, 32);
    put(f, 512 + 24, "LVM2 001", 8);
}

static void a_physical_volume_of_lvm_is_found_and_wiped(void **state)
{
    struct fixture f;

    (void)state;
    open_stage(&f, 8 * MIB);
    put_lvm(&f);
    find(&f);
    assert_int_equal(named(&f, "LVM2_member")->usage, PROBE_RAID);
    wipe(&f);
}

/* A superblock of MD (linux/raid/md_p.h): version 1.x knows its own place, in sectors; 0.90 is that
 * of the machine's byte order. */
static void put_md(struct fixture *f, uint64_t offset, unsigned major)
{
    put_u32(f, offset, 0xa92b4efc);
    put_u32(f, offset + 4, major);
    if (major == 1)
        put_u64(f, offset + 144, offset / 512);
    else
        put_u32(f, offset + 8, 90);
}

static void a_raid_member_is_found_wherever_its_superblock_is(void **state)
{
    const uint64_t bytes = 8 * MIB;
    const uint64_t places[] = {bytes - 8 * KIB, 0, 4 * KIB};
    struct fixture f;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        open_stage(&f, bytes);
        put_md(&f, places[i], 1);
        find(&f);
        assert_int_equal(named(&f, "linux_raid_member")->offset, places[i]);
        wipe(&f);
    }
    open_stage(&f, bytes);
    put_md(&f, bytes - 64 * KIB, 0);
    find(&f);
    assert_int_equal(named(&f, "linux_raid_member")->offset, bytes - 64 * KIB);
    wipe(&f);
}

/* A ring of uberblocks in each of the four labels. */
static void every_uberblock_of_all_labels_of_a_zfs_is_found(void **state)
{
    const uint64_t bytes = 64 * MIB + 100 * KIB, end = 64 * MIB;
    const uint64_t labels[] = {0, 256 * KIB, end - 512 * KIB, end - 256 * KIB};
    struct fixture f;

    (void)state;
    open_stage(&f, bytes);
    for (size_t i = 0; i < 4; i++)
        for (uint64_t k = 0; k < 128; k++)
            put_u64(&f, labels[i] + 128 * KIB + k * KIB, 0x00bab10c);
    find(&f);
    assert_int_equal(count(&f, "zfs_member"), 512);
    wipe(&f);
}

/* So few that libblkid would not call it a ZFS. */
static void the_last_uberblocks_of_a_zfs_are_found(void **state)
{
    const uint64_t end = 64 * MIB;
    struct fixture f;

    (void)state;
    open_stage(&f, end);
    put_u64(&f, end - 512 * KIB + 128 * KIB + 5 * KIB, 0x00bab10c);
    put_u64(&f, end - 256 * KIB + 128 * KIB, __builtin_bswap64(0x00bab10c));
    find(&f);
    assert_int_equal(count(&f, "zfs_member"), 2);
    wipe(&f);
}

static void a_half_of_bcache_is_found_and_wiped(void **state)
{
    static const unsigned char magic[16] = {0xc6, 0x85, 0x73, 0xf6, 0x4e, 0x1a, 0x45, 0xca,
                                            0x82, 0x65, 0xf5, 0x7f, 0x48, 0xba, 0x6d, 0x81};
    struct fixture f;

    (void)state;
    open_stage(&f, 8 * MIB);
    put_u64(&f, 4 * KIB + 8, 8); /* its own place, in sectors */
    put(&f, 4 * KIB + 24, magic, sizeof(magic));
    find(&f);
    assert_int_equal(named(&f, "bcache")->offset, 4 * KIB + 24);
    wipe(&f);
}

static void what_an_older_use_left_behind_is_found_too(void **state)
{
    struct fixture f;

    (void)state;
    open_stage(&f, 8 * MIB);
    make(&f, (const char *const[]){"mke2fs", "-q", "-F", "-t", "ext2", "@", NULL});
    put_md(&f, 8 * MIB - 8 * KIB, 1);
    put_lvm(&f);
    find(&f);
    assert_int_equal(f.n, 3);
    wipe(&f);
}

static void wiping_one_signature_changes_nothing_but_its_bytes(void **state)
{
    unsigned char before[8 * KIB], after[8 * KIB];
    struct probe_signature one;
    struct fixture f;
    struct err e;

    (void)state;
    open_stage(&f, 8 * MIB);
    make(&f, (const char *const[]){"mke2fs", "-q", "-F", "-t", "ext4", "@", NULL});
    put_lvm(&f);
    find(&f);
    one = *named(&f, "ext4");
    assert_int_equal(blockdev_pread(f.disk, before, sizeof(before), BEFORE, &e), 0);
    assert_int_equal(probe_wipe(f.disk, f.range, &one, 1, &e), 0);
    assert_int_equal(blockdev_pread(f.disk, after, sizeof(after), BEFORE, &e), 0);
    memset(before + one.offset, 0, one.bytes);
    assert_memory_equal(before, after, sizeof(before));
    close_all(&f);
}

static void parts_of_something_larger_are_members(void **state)
{
    (void)state;
    assert_true(probe_is_member("LVM2_member"));
    assert_true(probe_is_member("crypto_LUKS"));
    assert_true(probe_is_member("bcache"));
    assert_false(probe_is_member("ext4"));
    assert_false(probe_is_member("_member"));
}

static void one_byte_that_is_not_zero_is_data(void **state)
{
    struct fixture f;
    struct err e;
    bool sampled;

    (void)state;
    open_stage(&f, 8 * MIB);
    assert_int_equal(probe_has_data(f.disk, f.range, &sampled, &e), 0);
    assert_int_equal(blockdev_pwrite(f.disk, "x", 1, BEFORE - 1, &e), 0);
    assert_int_equal(blockdev_pwrite(f.disk, "x", 1, extent_end(&f.range), &e), 0);
    assert_int_equal(probe_has_data(f.disk, f.range, &sampled, &e), 0);
    assert_int_equal(blockdev_pwrite(f.disk, "x", 1, extent_end(&f.range) - 1, &e), 0);
    assert_int_equal(probe_has_data(f.disk, f.range, &sampled, &e), 1);
    assert_false(sampled);
    close_all(&f);
}

/* 1 when the digest of the range is the one in `text`, which becomes it. */
static int same_digest(struct fixture *f, struct extent range, char text[DIGEST_TEXT])
{
    char now[DIGEST_TEXT];
    struct err e;
    int same;

    assert_int_equal(probe_digest(f->disk, range, now, &e), 0);
    same = strcmp(now, text) == 0;
    strcpy(text, now);
    return same;
}

static void a_digest_is_of_every_byte_and_takes_zeros_for_holes(void **state)
{
    char text[DIGEST_TEXT] = "";
    struct fixture f;
    struct err e;

    (void)state;
    open_stage(&f, 8 * MIB + 512);
    assert_int_equal(blockdev_pwrite(f.disk, "x", 1, extent_end(&f.range) - 1, &e), 0);
    assert_false(same_digest(&f, f.range, text));
    assert_int_equal(blockdev_pwrite(f.disk, "\0", 1, BEFORE + 5 * MIB, &e), 0);
    assert_int_equal(blockdev_pwrite(f.disk, "x", 1, extent_end(&f.range), &e), 0);
    assert_true(same_digest(&f, f.range, text));
    assert_int_equal(blockdev_pwrite(f.disk, "x", 1, BEFORE + 5 * MIB, &e), 0);
    assert_false(same_digest(&f, f.range, text));
    assert_int_equal(blockdev_pwrite(f.disk, "\0x", 2, BEFORE + 5 * MIB, &e), 0);
    assert_false(same_digest(&f, f.range, text));
    close_all(&f);
}

static void a_digest_of_a_large_range_is_of_its_ends_and_of_samples(void **state)
{
    char text[DIGEST_TEXT] = "";
    struct fixture f;
    struct err e;

    (void)state;
    open_stage(&f, 200 * MIB);
    (void)same_digest(&f, f.range, text);
    assert_int_equal(blockdev_pwrite(f.disk, "x", 1, BEFORE + 100 * MIB + MIB / 2, &e), 0);
    assert_true(same_digest(&f, f.range, text));
    for (uint64_t at = 0; at < f.range.bytes; at += 100 * MIB - 1) {
        assert_int_equal(blockdev_pwrite(f.disk, "y", 1, BEFORE + round_down(at, MIB) + 9, &e), 0);
        assert_false(same_digest(&f, f.range, text));
    }
    assert_int_equal(blockdev_pwrite(f.disk, "y", 1, extent_end(&f.range) - 9 * MIB - 77, &e), 0);
    assert_false(same_digest(&f, f.range, text));
    close_all(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filesystems_are_found_and_wiped),
        cmocka_unit_test(all_magics_of_a_boot_sector_are_found),
        cmocka_unit_test(every_copy_of_a_btrfs_is_found),
        cmocka_unit_test(both_headers_of_a_luks2_are_found),
        cmocka_unit_test(a_gpt_is_found_with_its_backup_and_its_guard),
        cmocka_unit_test(a_gpt_is_found_without_its_guard),
        cmocka_unit_test(a_physical_volume_of_lvm_is_found_and_wiped),
        cmocka_unit_test(a_raid_member_is_found_wherever_its_superblock_is),
        cmocka_unit_test(every_uberblock_of_all_labels_of_a_zfs_is_found),
        cmocka_unit_test(the_last_uberblocks_of_a_zfs_are_found),
        cmocka_unit_test(a_half_of_bcache_is_found_and_wiped),
        cmocka_unit_test(what_an_older_use_left_behind_is_found_too),
        cmocka_unit_test(wiping_one_signature_changes_nothing_but_its_bytes),
        cmocka_unit_test(parts_of_something_larger_are_members),
        cmocka_unit_test(one_byte_that_is_not_zero_is_data),
        cmocka_unit_test(a_digest_is_of_every_byte_and_takes_zeros_for_holes),
        cmocka_unit_test(a_digest_of_a_large_range_is_of_its_ends_and_of_samples),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
