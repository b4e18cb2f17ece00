// SPDX-License-Identifier: GPL-3.0-or-later
/* FAT filesystems made by mkfs.vfat and mtools, read and overwritten by berth. */
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "core/spawn.h"
#include "fs/fs_vfat.h"
#include "tree/fat_volume.h"
#include "tree/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define LONG_NAME  "A rather long näme with 中.text"
#define FILE_BYTES 70000 /* many clusters, the last one not full */

struct shape {
    const char *bits, *sector, *cluster;
    unsigned sector_bytes;
    uint64_t bytes;
};

static const struct shape fat12 = {"12", "512", "1", 512, MIB};
static const struct shape fat16 = {"16", "512", "4", 512, 16 * MIB};
static const struct shape fat16_4k = {"16", "4096", "1", 4096, 64 * MIB};
static const struct shape fat32 = {"32", "512", "1", 512, 40 * MIB};

struct image {
    char folder[32], path[48];
    struct blockdev *bd;
    struct tree *tree;
    struct err e;
    char content[FILE_BYTES];
};

static void mtool(struct image *im, const char *tool, const char *a, const char *b)
{
    static const char *const env[] = {"MTOOLS_SKIP_CHECK=1", NULL};
    const char *argv[] = {tool, "-i", im->path, a, b, NULL};
    struct spawn spawn = {.argv = argv, .env = env, .stdin_fd = -1, .stdout_fd = -1};

    if (spawn_run(&spawn, NULL, &im->e) < 0)
        fail_msg("%s", im->e.text);
}

static void put(struct image *im, const char *path, const void *data, size_t n)
{
    char from[64], to[512];

    snprintf(from, sizeof(from), "%s/source", im->folder);
    snprintf(to, sizeof(to), "::%s", path);
    assert_int_equal(io_replace_file(from, data, n, 0600, &im->e), 0);
    mtool(im, "mcopy", from, to);
}

/* One file in two pieces: "first" is taken away in front of it again. */
static void populate(struct image *im)
{
    for (size_t i = 0; i < sizeof(im->content); i++)
        im->content[i] = (char)(i * 7 + i / 256);
    mtool(im, "mmd", "::sub", NULL);
    mtool(im, "mmd", "::sub/deep", NULL);
    put(im, "sub/first", im->content, 5000);
    put(im, "sub/second", im->content, 5000);
    mtool(im, "mdel", "::sub/first", NULL);
    put(im, "sub/deep/file.bin", im->content, sizeof(im->content));
    put(im, "sub/" LONG_NAME, "long", 4);
    put(im, "EMPTY", "", 0);
}

static struct image *image_new(const struct shape *shape)
{
    struct image *im = calloc(1, sizeof(*im));

    assert_non_null(im);
    strcpy(im->folder, "/tmp/test-fat-XXXXXX");
    assert_non_null(mkdtemp(im->folder));
    snprintf(im->path, sizeof(im->path), "%s/fs", im->folder);
    assert_int_equal(io_replace_file(im->path, "", 0, 0600, &im->e), 0);
    assert_int_equal(truncate(im->path, (off_t)shape->bytes), 0);
    if (spawn_tool(NULL, &im->e, "mkfs.vfat", "-F", shape->bits, "-S", shape->sector, "-s",
                   shape->cluster, "-n", "LABEL", im->path, NULL) < 0)
        fail_msg("%s", im->e.text);
    populate(im);
    im->bd = file_open(im->path, true, shape->sector_bytes, &im->e);
    assert_non_null(im->bd);
    return im;
}

static struct image *image_open(const struct shape *shape)
{
    struct image *im = image_new(shape);

    im->tree = fat_tree_open(im->bd, &im->e);
    if (im->tree == NULL)
        fail_msg("%s", im->e.text);
    return im;
}

static void image_free(struct image *im)
{
    char path[64];

    tree_close(im->tree);
    blockdev_close(im->bd);
    snprintf(path, sizeof(path), "%s/source", im->folder);
    unlink(path);
    unlink(im->path);
    rmdir(im->folder);
    free(im);
}

static void assert_reads_back(const struct shape *shape)
{
    struct image *im = image_open(shape);
    char buf[FILE_BYTES + 10];
    size_t got;

    assert_int_equal(tree_read(im->tree, "sub/deep/file.bin", buf, sizeof(buf), 0, &got, &im->e),
                     0);
    assert_int_equal(got, FILE_BYTES);
    assert_memory_equal(buf, im->content, FILE_BYTES);
    assert_int_equal(tree_read(im->tree, "sub/deep/file.bin", buf, 9000, 6789, &got, &im->e), 0);
    assert_int_equal(got, 9000);
    assert_memory_equal(buf, im->content + 6789, 9000);
    image_free(im);
}

static void fat12_reads_back(void **state)
{
    (void)state;
    assert_reads_back(&fat12);
}

static void fat16_reads_back(void **state)
{
    (void)state;
    assert_reads_back(&fat16);
    assert_reads_back(&fat16_4k);
}

static void fat32_reads_back(void **state)
{
    (void)state;
    assert_reads_back(&fat32);
}

static void paths_are_found_in_any_case_and_by_short_name(void **state)
{
    struct image *im = image_open(&fat16);
    struct tree_entry entry;

    (void)state;
    assert_int_equal(tree_stat(im->tree, "SUB/Deep/FILE.bin", &entry, &im->e), 0);
    assert_int_equal(entry.type, TREE_FILE);
    assert_int_equal(entry.size, FILE_BYTES);
    assert_int_equal(tree_stat(im->tree, "sub/" LONG_NAME, &entry, &im->e), 0);
    assert_int_equal(tree_stat(im->tree, "sub/arathe~1.tex", &entry, &im->e), 0);
    assert_int_equal(entry.size, 4);
    assert_int_equal(tree_stat(im->tree, "", &entry, &im->e), 0);
    assert_int_equal(entry.type, TREE_DIR);
    image_free(im);
}

static void what_is_missing_is_not_found(void **state)
{
    static const char *const paths[] = {"nothing", "sub/first", "sub/second/x", "sub/deep/fil",
                                        "LABEL"};
    struct image *im = image_open(&fat32);
    struct tree_entry entry;

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        assert_int_equal(tree_stat(im->tree, paths[i], &entry, &im->e), -1);
        assert_int_equal(im->e.code, ERR_NOT_FOUND);
    }
    image_free(im);
}

static int collect(void *arg, const char *name, enum tree_type type)
{
    char *all = arg;

    strcat(all, type == TREE_DIR ? "/" : "");
    strcat(all, name);
    strcat(all, "|");
    return 0;
}

static void a_folder_lists_long_names_and_no_label(void **state)
{
    struct image *im = image_open(&fat12);
    char all[500] = "";

    (void)state;
    assert_int_equal(tree_list(im->tree, "sub", collect, all, &im->e), 0);
    assert_string_equal(all, "/deep|second|" LONG_NAME "|");
    all[0] = '\0';
    assert_int_equal(tree_list(im->tree, "", collect, all, &im->e), 0);
    assert_string_equal(all, "/sub|EMPTY|");
    image_free(im);
}

/* Every byte of the device but those of the file's n bytes at offset is as before. */
static void overwrite_changes_only_the_files_own_bytes(void **state)
{
    struct image *im = image_open(&fat32);
    _cleanup_free_ char *before = malloc(fat32.bytes), *after = malloc(fat32.bytes);
    size_t got, changed = 0;
    char buf[FILE_BYTES], with[20000];

    (void)state;
    memset(with, 0xee, sizeof(with));
    assert_int_equal(blockdev_pread(im->bd, before, fat32.bytes, 0, &im->e), 0);
    assert_int_equal(
        tree_overwrite(im->tree, "sub/deep/file.bin", 1234, with, sizeof(with), &im->e), 0);
    assert_int_equal(tree_sync(im->tree, &im->e), 0);
    assert_int_equal(blockdev_pread(im->bd, after, fat32.bytes, 0, &im->e), 0);
    memcpy(im->content + 1234, with, sizeof(with));
    assert_int_equal(tree_read(im->tree, "sub/deep/file.bin", buf, sizeof(buf), 0, &got, &im->e),
                     0);
    assert_memory_equal(buf, im->content, FILE_BYTES);
    for (size_t i = 0; i < fat32.bytes; i++)
        changed += before[i] != after[i];
    assert_in_range(changed, 1, sizeof(with));
    image_free(im);
}

static void overwrite_never_makes_a_file_longer(void **state)
{
    struct image *im = image_open(&fat16);

    (void)state;
    assert_int_equal(tree_overwrite(im->tree, "sub/deep/file.bin", FILE_BYTES - 1, "xy", 2, &im->e),
                     -1);
    assert_int_equal(im->e.code, ERR_NO_SPACE);
    assert_int_equal(tree_overwrite(im->tree, "EMPTY", 0, "x", 1, &im->e), -1);
    assert_int_equal(tree_overwrite(im->tree, "sub", 0, "x", 1, &im->e), -1);
    image_free(im);
}

/* ---- what a hostile disk may say ---- */

/* Sets the FAT16 entry of the cluster where path begins. */
static void set_first_entry(struct image *im, const char *path, uint16_t value)
{
    struct fat_volume *volume = calloc(1, sizeof(*volume));
    struct fat_node node;

    assert_non_null(volume);
    assert_int_equal(fat_volume_open(volume, im->bd, &im->e), 0);
    assert_int_equal(fat_find(volume, path, &node, &im->e), 0);
    if (value == 0)
        value = (uint16_t)node.cluster; /* a loop */
    assert_int_equal(
        blockdev_pwrite(im->bd, &value, 2, volume->fat.start + node.cluster * 2ULL, &im->e), 0);
    free(volume);
}

/* With the entry of the file's first cluster changed. */
static void assert_file_fails(uint16_t entry)
{
    struct image *im = image_open(&fat16);
    char buf[FILE_BYTES];
    size_t got;

    set_first_entry(im, "sub/deep/file.bin", entry);
    assert_int_equal(tree_read(im->tree, "sub/deep/file.bin", buf, sizeof(buf), 0, &got, &im->e),
                     -1);
    assert_int_equal(im->e.code, ERR_VERIFY);
    image_free(im);
}

static void a_chain_that_leads_out_of_the_filesystem_is_an_error(void **state)
{
    (void)state;
    assert_file_fails(0xfff0);
    assert_file_fails(1);
}

static void a_chain_shorter_than_its_file_is_an_error(void **state)
{
    (void)state;
    assert_file_fails(0xffff);
}

static void a_loop_of_clusters_ends(void **state)
{
    struct image *im = image_open(&fat16);
    char all[500] = "", buf[FILE_BYTES];
    size_t got;

    (void)state;
    set_first_entry(im, "sub/deep/file.bin", 0);
    (void)tree_read(im->tree, "sub/deep/file.bin", buf, sizeof(buf), 0, &got, &im->e);
    set_first_entry(im, "sub/deep", 0);
    assert_int_equal(tree_list(im->tree, "sub/deep", collect, all, &im->e), 0);
    assert_string_equal(all, "file.bin|");
    image_free(im);
}

static void a_name_that_is_no_component_is_left_out(void **state)
{
    struct image *im = image_open(&fat12);
    _cleanup_free_ char *all = malloc(fat12.bytes);
    char *entry, names[500] = "";

    (void)state;
    assert_int_equal(blockdev_pread(im->bd, all, fat12.bytes, 0, &im->e), 0);
    entry = memmem(all, fat12.bytes, "EMPTY      ", 11);
    assert_non_null(entry);
    assert_int_equal(blockdev_pwrite(im->bd, "../../X    ", 11, (uint64_t)(entry - all), &im->e),
                     0);
    assert_int_equal(tree_list(im->tree, "", collect, names, &im->e), 0);
    assert_string_equal(names, "/sub|");
    image_free(im);
}

static void assert_not_fat(struct image *im, uint64_t at, const void *bytes, size_t n)
{
    char old[8];

    assert_int_equal(blockdev_pread(im->bd, old, n, at, &im->e), 0);
    assert_int_equal(blockdev_pwrite(im->bd, bytes, n, at, &im->e), 0);
    assert_null(fat_tree_open(im->bd, &im->e));
    assert_int_equal(im->e.code, ERR_VERIFY);
    assert_int_equal(blockdev_pwrite(im->bd, old, n, at, &im->e), 0);
}

static void a_boot_sector_that_makes_no_sense_is_refused(void **state)
{
    struct image *im = image_new(&fat32);

    (void)state;
    assert_not_fat(im, 510, "\0\0", 2);            /* no signature */
    assert_not_fat(im, 11, "\1\2", 2);             /* sectors of 513 bytes */
    assert_not_fat(im, 11, "\0\0", 2);             /* of none */
    assert_not_fat(im, 13, "\3", 1);               /* clusters of 3 sectors */
    assert_not_fat(im, 13, "\0", 1);               /* of none */
    assert_not_fat(im, 14, "\0\0", 2);             /* no boot sector */
    assert_not_fat(im, 16, "\0", 1);               /* no FAT */
    assert_not_fat(im, 32, "\xff\xff\xff\x7f", 4); /* larger than the device */
    assert_not_fat(im, 32, "\1\0\0\0", 4);         /* no room for data */
    assert_not_fat(im, 36, "\1\0\0\0", 4);         /* a FAT too short for the clusters */
    assert_not_fat(im, 44, "\xff\xff\xff\x0f", 4); /* a root folder outside */
    assert_not_fat(im, 44, "\0\0\0\0", 4);
    image_free(im);
}

static void an_empty_device_is_no_fat(void **state)
{
    struct err e = {0};
    struct blockdev *bd = mem_open(MIB, 512, &e);

    (void)state;
    assert_null(fat_tree_open(bd, &e));
    assert_int_equal(e.code, ERR_VERIFY);
    blockdev_close(bd);
}

/* Whatever the bytes are, reading ends with an answer or an error. */
static void random_damage_never_leads_astray(void **state)
{
    struct image *im = image_new(&fat12);
    static unsigned char head[64 * 1024], damaged[64 * 1024];
    unsigned random = 1;

    (void)state;
    assert_int_equal(blockdev_pread(im->bd, head, sizeof(head), 0, &im->e), 0);
    for (int round = 0; round < 400; round++) {
        struct tree *tree;
        char buf[FILE_BYTES], all[65536] = "";
        size_t got;

        memcpy(damaged, head, sizeof(head));
        for (int i = 0; i < 12; i++) {
            random = random * 1103515245 + 12345;
            damaged[(random >> 8) % (i < 4 ? 64 : 12 * 1024)] = (unsigned char)(random >> 3);
        }
        damaged[510] = 0x55;
        damaged[511] = 0xaa;
        assert_int_equal(blockdev_pwrite(im->bd, damaged, sizeof(damaged), 0, &im->e), 0);
        tree = fat_tree_open(im->bd, &im->e);
        if (tree == NULL)
            continue;
        (void)tree_read(tree, "sub/deep/file.bin", buf, sizeof(buf), 0, &got, &im->e);
        (void)tree_list(tree, "sub/deep", collect, all, &im->e);
        tree_close(tree);
    }
    image_free(im);
}

/* ---- made by berth ---- */

static void a_shape_fits_the_size(void **state)
{
    struct vfat_shape shape;
    struct err e;

    (void)state;
    assert_int_equal(vfat_shape(300 * MIB, 512, &shape, &e), 0);
    assert_int_equal(shape.bits, 32);
    assert_int_equal(vfat_shape(300 * MIB, 4096, &shape, &e), 0);
    assert_int_equal(shape.bits, 32);
    assert_int_equal(shape.cluster_sectors, 1);
    assert_int_equal(vfat_shape(36 * MIB, 512, &shape, &e), 0);
    assert_int_equal(shape.bits, 32);
    assert_int_equal(shape.cluster_sectors, 1);
    assert_int_equal(vfat_shape(64 * MIB, 4096, &shape, &e), 0);
    assert_int_equal(shape.bits, 16);
    assert_int_equal(vfat_shape(MIB, 512, &shape, &e), -1);
    assert_int_equal(e.code, ERR_NO_SPACE);
}

static void a_made_filesystem_replaces_what_was_there(void **state)
{
    struct vfat_options options = {.volume_id = 0x12345678, .label = "SHARED"};
    struct err e = {0};
    struct blockdev *bd = mem_open(40 * MIB, 512, &e);
    _cleanup_free_ void *junk = malloc(40 * MIB);
    struct tree *tree;
    char all[100] = "", last[512], zeros[512] = {0};

    (void)state;
    memset(junk, 0xaa, 40 * MIB);
    assert_int_equal(blockdev_pwrite(bd, junk, 40 * MIB, 0, &e), 0);
    if (vfat_make(bd, &options, &e) < 0)
        fail_msg("%s", e.text);
    tree = fat_tree_open(bd, &e);
    assert_non_null(tree);
    assert_int_equal(tree_list(tree, "", collect, all, &e), 0);
    assert_string_equal(all, "");
    assert_int_equal(blockdev_pread(bd, last, 512, 40 * MIB - 512, &e), 0);
    assert_memory_equal(last, zeros, 512);
    tree_close(tree);
    blockdev_close(bd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fat12_reads_back),
        cmocka_unit_test(fat16_reads_back),
        cmocka_unit_test(fat32_reads_back),
        cmocka_unit_test(paths_are_found_in_any_case_and_by_short_name),
        cmocka_unit_test(what_is_missing_is_not_found),
        cmocka_unit_test(a_folder_lists_long_names_and_no_label),
        cmocka_unit_test(overwrite_changes_only_the_files_own_bytes),
        cmocka_unit_test(overwrite_never_makes_a_file_longer),
        cmocka_unit_test(a_chain_that_leads_out_of_the_filesystem_is_an_error),
        cmocka_unit_test(a_chain_shorter_than_its_file_is_an_error),
        cmocka_unit_test(a_loop_of_clusters_ends),
        cmocka_unit_test(a_name_that_is_no_component_is_left_out),
        cmocka_unit_test(a_boot_sector_that_makes_no_sense_is_refused),
        cmocka_unit_test(an_empty_device_is_no_fat),
        cmocka_unit_test(random_damage_never_leads_astray),
        cmocka_unit_test(a_shape_fits_the_size),
        cmocka_unit_test(a_made_filesystem_replaces_what_was_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
