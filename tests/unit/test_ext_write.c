// SPDX-License-Identifier: GPL-3.0-or-later
/* Tests of the ext4 writer and the ext reader on one another, on a filesystem in memory. */
#include "core/cleanup.h"
#include "core/size.h"
#include "core/spawn.h"
#include "fs/fs_ext4.h"
#include "tree/ext.h"
#include "tree/ext_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ext2fs/ext2fs.h>
#include <string.h>

#define DISK (64 * MIB)

static struct err err;

static const struct fs_options options = {.uuid = {{1, 2, 3, 4}}, .label = "test"};

static struct tree *fresh(struct blockdev *bd)
{
    struct tree *tree;

    assert_int_equal(fs_ext4_make(bd, &options, &err), 0);
    tree = ext_write_open(bd, &err);
    assert_non_null(tree);
    return tree;
}

static struct blockdev *disk(void)
{
    struct blockdev *bd = mem_open(DISK, 512, &err);

    assert_non_null(bd);
    return bd;
}

static void finish(struct tree *tree)
{
    assert_int_equal(tree_sync(tree, &err), 0);
    tree_close(tree);
}

/* Copies the disk to a file, and has e2fsck look at it. */
static void check_clean(struct blockdev *bd)
{
    char path[] = "/tmp/berth-test-XXXXXX";
    int fd = mkstemp(path), result;
    struct blockdev *file;

    assert_int_equal(ftruncate(fd, (off_t)bd->bytes), 0);
    file = file_from_fd(fd, path, 512, &err);
    assert_int_equal(blockdev_copy_data(bd, file, &err), 0);
    result = spawn_tool(NULL, &err, "e2fsck", "-fn", path, NULL);
    unlink(path);
    blockdev_close(file);
    if (result < 0)
        fail_msg("%s", err.text);
}

static void files_come_back(void **state)
{
    struct blockdev *bd = disk();
    struct tree *tree = fresh(bd);
    _cleanup_free_ char *text = NULL;

    (void)state;
    assert_int_equal(tree_put_file(tree, "etc/hostname", 0640, "main\n", 5, &err), 0);
    finish(tree);
    tree = ext_tree_open(bd, &err);
    assert_non_null(tree);
    assert_false(ext_tree_needs_recovery(tree));
    assert_int_equal(tree_read_file(tree, "etc/hostname", 100, &text, NULL, &err), 0);
    assert_string_equal(text, "main\n");
    tree_close(tree);
    check_clean(bd);
    blockdev_close(bd);
}

static void removed_files_leave_no_trace(void **state)
{
    struct blockdev *bd = disk();
    struct tree *tree = fresh(bd);
    struct tree_entry entry;

    (void)state;
    assert_int_equal(tree_put_file(tree, "a/b", 0644, "text", 4, &err), 0);
    assert_int_equal(tree_remove(tree, "a", &err), -1);
    assert_int_equal(err.code, ERR_REFUSED);
    assert_int_equal(tree_remove(tree, "a/b", &err), 0);
    assert_int_equal(tree_remove(tree, "a", &err), 0);
    assert_int_equal(tree_remove(tree, "a/b", &err), 0);
    assert_int_equal(tree_remove(tree, "lost+found", &err), 0);
    assert_int_equal(tree_put_file(tree, "c", 0644, "text", 4, &err), 0);
    finish(tree);
    check_clean(bd);
    tree = ext_tree_open(bd, &err);
    assert_int_equal(tree_stat(tree, "a", &entry, &err), -1);
    assert_int_equal(err.code, ERR_NOT_FOUND);
    tree_close(tree);
    blockdev_close(bd);
}

static void many_extents_make_a_deep_tree(void **state)
{
    enum { PIECES = 5000 };
    struct blockdev *bd = disk();
    struct tree *tree = fresh(bd);
    struct extent *data = calloc(PIECES, sizeof(*data));
    struct tree_entry entry = {.path = "holes", .size = PIECES * 8192, .sparse = true};

    (void)state;
    for (size_t i = 0; i < PIECES; i++)
        data[i] = (struct extent){i * 8192, 4096};
    entry.data = data;
    entry.n_data = PIECES;
    assert_int_equal(tree_put(tree, &entry, NULL, &err), 0);
    assert_int_equal(tree_put(tree, &entry, NULL, &err), 0); /* gives the first one's blocks back */
    finish(tree);
    check_clean(bd);
    free(data);
    blockdev_close(bd);
}

static void fragmented_space_is_used(void **state)
{
    struct blockdev *bd = disk();
    struct tree *tree = fresh(bd);
    struct tree_entry large = {.path = "large", .size = 34 * MIB};
    char name[32];
    static char block[12288];

    (void)state;
    memset(block, 'x', sizeof(block));
    for (int i = 0; i < 3500; i++) {
        snprintf(name, sizeof(name), "f%d", i);
        assert_int_equal(tree_put_file(tree, name, 0644, block, sizeof(block), &err), 0);
    }
    for (int i = 0; i < 3500; i++) {
        snprintf(name, sizeof(name), "f%d", i);
        if (i % 10 != 0)
            assert_int_equal(tree_remove(tree, name, &err), 0);
    }
    assert_int_equal(tree_put(tree, &large, NULL, &err), 0);
    finish(tree);
    check_clean(bd);
    blockdev_close(bd);
}

static void no_space_names_the_path(void **state)
{
    struct blockdev *bd = disk();
    struct tree *tree = fresh(bd);
    struct tree_entry large = {.path = "d/large", .size = DISK};

    (void)state;
    assert_int_equal(tree_put(tree, &large, NULL, &err), -1);
    assert_int_equal(err.code, ERR_NO_SPACE);
    assert_ptr_equal(strstr(err.text, "d/large: "), err.text);
    finish(tree);
    check_clean(bd);
    blockdev_close(bd);
}

/* ---- a device that fails ---- */

struct failing {
    struct blockdev bd;
    struct blockdev *below;
    uint64_t left; /* bytes that may still be written */
};

static int failing_pread(struct blockdev *bd, void *buf, size_t n, uint64_t offset, struct err *e)
{
    return blockdev_pread(((struct failing *)bd)->below, buf, n, offset, e);
}

static int failing_pwrite(struct blockdev *bd, const void *buf, size_t n, uint64_t offset,
                          struct err *e)
{
    struct failing *failing = (struct failing *)bd;

    if (failing->left < n)
        return err_set(e, ERR_IO, "the medium is broken");
    failing->left -= n;
    return blockdev_pwrite(failing->below, buf, n, offset, e);
}

static int failing_flush(struct blockdev *bd, struct err *e)
{
    return blockdev_flush(((struct failing *)bd)->below, e);
}

static const struct blockdev_ops failing_ops = {
    .kind = "failing", .pread = failing_pread, .pwrite = failing_pwrite, .flush = failing_flush};

static int fill_some(struct tree *tree)
{
    struct tree_entry entry = {.path = "file", .size = 30 * MIB};

    return tree_put(tree, &entry, NULL, &err) < 0 ? -1 : tree_sync(tree, &err);
}

static void a_failed_write_is_reported(void **state)
{
    static const uint64_t allowed[] = {0, 5 * MIB, 29 * MIB, 30 * MIB + 8 * KIB};

    (void)state;
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        struct failing failing = {.below = disk(), .left = UINT64_MAX};
        struct tree *tree;

        failing.bd = (struct blockdev){&failing_ops, DISK, 512, "failing"};
        tree = fresh(&failing.bd);
        failing.left = allowed[i];
        assert_int_equal(fill_some(tree), -1);
        assert_int_equal(err.code, ERR_IO);
        assert_non_null(strstr(err.text, "the medium is broken"));
        tree_close(tree);
        blockdev_close(failing.below);
    }
}

/* ---- the reader on damaged filesystems ---- */

static int read_below(struct tree *tree, const char *path, int depth);

struct below {
    struct tree *tree;
    const char *path;
    int depth;
};

static int visit(void *arg, const char *name, enum tree_type type)
{
    struct below *below = arg;
    char path[4096];

    (void)type;
    if (below->depth < 8 && (size_t)snprintf(path, sizeof(path), "%s%s%s", below->path,
                                             below->path[0] ? "/" : "", name) < sizeof(path))
        read_below(below->tree, path, below->depth + 1);
    return 0;
}

/* Failures are expected here; only crashes are not. */
static int read_below(struct tree *tree, const char *path, int depth)
{
    static char buf[65536];
    struct below below = {tree, path, depth};
    struct tree_entry entry;
    struct err e;
    size_t got;

    if (tree_stat(tree, path, &entry, &e) < 0)
        return -1;
    if (entry.type == TREE_FILE)
        return tree_read(tree, path, buf, sizeof(buf), 0, &got, &e);
    return entry.type == TREE_DIR ? tree_list(tree, path, visit, &below, &e) : 0;
}

static void fill_for_damage(struct tree *tree)
{
    static const struct tree_xattr xattr = {"user.x", "0123456789", 10};
    struct tree_entry link = {.path = "link", .type = TREE_SYMLINK, .target = "d/file1"};
    char name[280];

    for (int i = 0; i < 300; i++) {
        struct tree_entry entry = {
            .path = name, .size = 5000, .xattrs = &xattr, .n_xattrs = (size_t)i % 2};

        snprintf(name, sizeof(name), "d%d/file%0100d", i % 3, i);
        assert_int_equal(tree_put(tree, &entry, NULL, &err), 0);
    }
    assert_int_equal(tree_put(tree, &link, NULL, &err), 0);
    finish(tree);
}

/* Clears the feature metadata_csum: then nothing checks a checksum, and damage gets further. */
static void drop_checksums(struct blockdev *bd)
{
    uint64_t at = 1024 + offsetof(struct ext2_super_block, s_feature_ro_compat);
    uint32_t features;

    assert_int_equal(blockdev_pread(bd, &features, sizeof(features), at, &err), 0);
    features &= ~(uint32_t)EXT4_FEATURE_RO_COMPAT_METADATA_CSUM;
    assert_int_equal(blockdev_pwrite(bd, &features, sizeof(features), at, &err), 0);
}

/* Random bytes in one range of data, about four in each block. Damage to the superblock itself
 * would mostly make opening fail: one round in ten has it. */
static void damage(struct blockdev *bd, const struct extent *data, bool super, unsigned *seed)
{
    for (uint64_t n = 0; n < data->bytes / 1024; n++) {
        unsigned char byte = (unsigned char)rand_r(seed);
        uint64_t at = data->start + (uint64_t)rand_r(seed) % data->bytes;

        if (at >= 4096 || super)
            assert_int_equal(blockdev_pwrite(bd, &byte, 1, at, &err), 0);
    }
}

static void damaged_filesystems_do_not_crash_the_reader(void **state)
{
    struct blockdev *good = disk(), *bad = disk();
    unsigned seed = 1;

    (void)state;
    fill_for_damage(fresh(good));
    for (int round = 0; round < 200; round++) {
        struct extent data = {0};
        struct tree *tree;

        assert_int_equal(blockdev_copy_data(good, bad, &err), 0);
        if (round % 2 == 0)
            drop_checksums(bad);
        while (blockdev_next_data(good, extent_end(&data), &data, &err) == 0 && data.bytes > 0)
            if (round % 3 != 0 || data.bytes > 64 * KIB)
                damage(bad, &data, round % 10 == 0, &seed);
        tree = ext_tree_open(bad, &err);
        if (tree != NULL)
            read_below(tree, "", 0);
        tree_close(tree);
    }
    blockdev_close(good);
    blockdev_close(bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_come_back),
        cmocka_unit_test(removed_files_leave_no_trace),
        cmocka_unit_test(many_extents_make_a_deep_tree),
        cmocka_unit_test(fragmented_space_is_used),
        cmocka_unit_test(no_space_names_the_path),
        cmocka_unit_test(a_failed_write_is_reported),
        cmocka_unit_test(damaged_filesystems_do_not_crash_the_reader),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
