// SPDX-License-Identifier: GPL-3.0-or-later
/* What an initramfs lacks for a virtual disk, and what is put behind it. */
#include "core/cleanup.h"
#include "core/io.h"
#include "core/spawn.h"
#include "newc.h"
#include "os/drivers.h"
#include "os/module_index.h"
#include "tree/libarchive.h"

#include <sys/stat.h>

#define VERSION "6.1.0-9-amd64"

static const char dep[] =
    "kernel/fs/ext4/ext4.ko.xz: kernel/lib/crc16.ko.xz kernel/fs/jbd2/jbd2.ko.xz\n"
    "kernel/fs/jbd2/jbd2.ko.xz:\n"
    "kernel/lib/crc16.ko.xz:\n"
    "kernel/crypto/crc32c_generic.ko.xz:\n"
    "kernel/drivers/virtio/virtio_ring.ko.xz:\n"
    "kernel/drivers/virtio/virtio-pci.ko.xz: kernel/drivers/virtio/virtio_ring.ko.xz\n"
    "kernel/drivers/block/virtio_blk.ko.xz: kernel/drivers/virtio/virtio_ring.ko.xz\n";

static struct err e;
static struct made initrd;
static struct drivers_initramfs found;
static struct strings files;

static int start(void **state)
{
    (void)state;
    initrd.n = 0;
    put_entry(&initrd, "usr/lib/modules/" VERSION, 040755, "", 0);
    put_entry(&initrd, "lib", 0120777, "usr/lib", 7);
    return 0;
}

static int end(void **state)
{
    (void)state;
    drivers_initramfs_free(&found);
    strings_clear(&files);
    return 0;
}

static void put_module(const char *path)
{
    char all[256];

    snprintf(all, sizeof(all), "usr/lib/modules/" VERSION "/kernel/%s", path);
    put_file(&initrd, all, "module");
}

static void look(void)
{
    put_end(&initrd);
    assert_int_equal(drivers_look(initrd.bytes, initrd.n, VERSION, &found, &e), 0);
}

/* The names of what is missing, in their order. */
static void misses(const char *fs, const char *builtin, const char *expected)
{
    char all[512] = "";

    assert_int_equal(drivers_missing(&found, fs, dep, builtin, &files, &e), 0);
    for (size_t i = 0; i < files.n; i++) {
        strcat(all, strrchr(files.items[i], '/') + 1);
        strcat(all, " ");
    }
    assert_string_equal(all, expected);
}

static void nothing_is_missing_where_all_is_there(void **state)
{
    (void)state;
    put_module("drivers/virtio/virtio_ring.ko");
    put_module("drivers/virtio/virtio_pci.ko");
    put_module("drivers/block/virtio_blk.ko.zst");
    put_module("fs/ext4/ext4.ko.xz");
    put_module("fs/jbd2/jbd2.ko.xz");
    look();
    misses("ext4", "", "");
}

static void what_is_missing_comes_with_what_it_needs(void **state)
{
    (void)state;
    put_module("fs/ext4/ext4.ko");
    look();
    misses("ext4", "", "virtio_ring.ko.xz virtio-pci.ko.xz virtio_blk.ko.xz ");
}

static void the_filesystem_can_be_missing_too(void **state)
{
    (void)state;
    put_module("drivers/block/virtio_blk.ko");
    put_module("drivers/virtio/virtio_ring.ko");
    look();
    misses("ext4", "kernel/drivers/virtio/virtio_pci.ko\n",
           "crc32c_generic.ko.xz jbd2.ko.xz crc16.ko.xz ext4.ko.xz ");
}

static void what_is_built_in_is_not_missing(void **state)
{
    (void)state;
    look();
    misses("ext4",
           "kernel/drivers/virtio/virtio-ring.ko\nkernel/drivers/virtio/virtio_pci.ko\n"
           "kernel/drivers/block/virtio_blk.ko\nkernel/fs/ext4/ext4.ko\n",
           "");
}

static void what_the_system_does_not_have_is_passed_over(void **state)
{
    (void)state;
    put_module("drivers/block/virtio_blk.ko");
    put_module("drivers/virtio/virtio_ring.ko");
    look();
    misses("btrfs", "", "virtio-pci.ko.xz crc32c_generic.ko.xz ");
}

/* Of another kernel than the one that boots there may be a folder, too. */
static void the_folder_is_where_the_initramfs_has_it(void **state)
{
    (void)state;
    look();
    assert_string_equal(found.modules_folder, "usr/lib/modules/" VERSION);
    drivers_initramfs_free(&found);
    initrd.n = 0;
    put_entry(&initrd, "lib/modules/" VERSION, 040755, "", 0);
    put_entry(&initrd, "usr/lib/modules/6.1.0-8-amd64", 040755, "", 0);
    put_file(&initrd, "usr/lib/modules/6.1.0-8-amd64/modules.dep", "other");
    look();
    assert_string_equal(found.modules_folder, "lib/modules/" VERSION);
    assert_string_equal(found.dep, "");
}

/* It may name what it lacks, when somebody took that out. */
static void what_modules_dep_says_of_a_missing_module_is_replaced(void **state)
{
    _cleanup_free_ char *text = NULL;

    (void)state;
    put_module("drivers/virtio/virtio_ring.ko");
    put_module("drivers/block/virtio_blk.ko");
    put_module("fs/ext4/ext4.ko");
    put_file(&initrd, "usr/lib/modules/" VERSION "/modules.dep",
             "kernel/old/virtio_pci.ko.gz:\nkernel/drivers/virtio/virtio_ring.ko:\n");
    look();
    misses("ext4", "", "virtio-pci.ko.xz ");
    text = drivers_dep(&found, dep, &files, &e);
    assert_string_equal(
        text, "kernel/drivers/virtio/virtio_ring.ko:\n"
              "kernel/drivers/virtio/virtio-pci.ko: kernel/drivers/virtio/virtio_ring.ko\n");
}

static void modules_dep_goes_on_with_what_is_added(void **state)
{
    _cleanup_free_ char *text = NULL;

    (void)state;
    put_module("drivers/virtio/virtio_ring.ko");
    put_module("fs/ext4/ext4.ko");
    put_file(&initrd, "usr/lib/modules/" VERSION "/modules.dep",
             "kernel/drivers/virtio/virtio_ring.ko:\nkernel/fs/ext4/ext4.ko:");
    look();
    misses("ext4", "", "virtio-pci.ko.xz virtio_blk.ko.xz ");
    text = drivers_dep(&found, dep, &files, &e);
    assert_string_equal(
        text, "kernel/drivers/virtio/virtio_ring.ko:\n"
              "kernel/fs/ext4/ext4.ko:\n"
              "kernel/drivers/virtio/virtio-pci.ko: kernel/drivers/virtio/virtio_ring.ko\n"
              "kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio_ring.ko\n");
}

/* The file of each module of `dep` below the folder, and its index. */
static void make_modules(const char *folder)
{
    _cleanup_free_ char *index = NULL;
    const char *line;
    char path[256];
    size_t bytes;

    for (line = dep; *line != '\0'; line = strchr(line, '\n') + 1) {
        snprintf(path, sizeof(path), "%s/lib/modules/" VERSION "/%.*s", folder,
                 (int)strcspn(line, ":"), line);
        *strrchr(path, '/') = '\0';
        assert_int_equal(io_make_dirs(path, &e), 0);
        path[strlen(path)] = '/';
        assert_int_equal(io_replace_file(path, "", 0, 0644, &e), 0);
    }
    index = module_index_make(dep, &bytes, &e);
    snprintf(path, sizeof(path), "%s/lib/modules/" VERSION "/modules.dep.bin", folder);
    assert_int_equal(io_replace_file(path, index, bytes, 0644, &e), 0);
}

/* kmod reads the index, and not the text. */
static void modprobe_finds_what_the_index_says(void **state)
{
    static const char *const modules[] = {"virtio_pci", "virtio-blk", "ext4",
                                          "jbd2",       "crc16",      "crc32c_generic"};
    char folder[] = "/tmp/berth-index-XXXXXX";

    (void)state;
    assert_non_null(mkdtemp(folder));
    make_modules(folder);
    for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
        _cleanup_free_ char *told = NULL;

        assert_int_equal(spawn_tool(&told, &e, "modprobe", "-d", folder, "-S", VERSION,
                                    "--show-depends", modules[i], NULL),
                         0);
        assert_non_null(strstr(told, modules[i] + strlen(modules[i]) - 3)); /* "pci", "blk" ... */
        assert_int_equal(strstr(told, "virtio_ring") != NULL, i < 2);
    }
    assert_int_equal(spawn_tool(NULL, &e, "modprobe", "-d", folder, "-S", VERSION, "--show-depends",
                                "virtio", NULL),
                     -1);
    assert_int_equal(spawn_tool(NULL, &e, "rm", "-r", folder, NULL), 0);
}

static void an_index_of_nothing_is_one(void **state)
{
    static const char root[12] = {(char)0xb0, 0x07, (char)0xf4, 0x57, 0, 2, 0, 1, 0, 0, 0, 12};
    size_t bytes;
    _cleanup_free_ char *index = module_index_make("no line\n/.ko:\n\n", &bytes, &e);

    (void)state;
    assert_int_equal(bytes, sizeof(root));
    assert_memory_equal(index, root, sizeof(root));
}

static void loads(unsigned which, const char *path, const char *text)
{
    _cleanup_free_ char *made = NULL;
    const char *to;

    assert_int_equal(drivers_loader(&found, &files, which, &to, &made, &e), 1);
    assert_string_equal(to, path);
    assert_string_equal(made, text);
}

static void initramfs_tools_loads_what_it_did_and_more(void **state)
{
    const char *path;
    char *text;

    (void)state;
    put_file(&initrd, "scripts/functions", "#!/bin/sh");
    put_file(&initrd, "conf/modules", "# mine\nloop max_loop=8");
    put_module("drivers/virtio/virtio_ring.ko");
    put_module("fs/ext4/ext4.ko");
    look();
    misses("ext4", "", "virtio-pci.ko.xz virtio_blk.ko.xz ");
    loads(0, "conf/modules", "# mine\nloop max_loop=8\nvirtio_pci\nvirtio_blk\n");
    assert_int_equal(drivers_loader(&found, &files, 1, &path, &text, &e), 0);
}

static void any_other_init_is_told_as_dracut_and_systemd_read_it(void **state)
{
    const char *path;
    char *text;

    (void)state;
    put_module("drivers/virtio/virtio_ring.ko");
    put_module("fs/ext4/ext4.ko");
    look();
    misses("ext4", "", "virtio-pci.ko.xz virtio_blk.ko.xz ");
    loads(0, "etc/modules-load.d/berth.conf", "virtio_pci\nvirtio_blk\n");
    loads(1, "etc/cmdline.d/berth.conf", "rd.driver.pre=virtio_pci\nrd.driver.pre=virtio_blk\n");
    assert_int_equal(drivers_loader(&found, &files, 2, &path, &text, &e), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_missing_where_all_is_there),
        TEST(what_is_missing_comes_with_what_it_needs),
        TEST(the_filesystem_can_be_missing_too),
        TEST(what_is_built_in_is_not_missing),
        TEST(what_the_system_does_not_have_is_passed_over),
        TEST(the_folder_is_where_the_initramfs_has_it),
        TEST(modules_dep_goes_on_with_what_is_added),
        TEST(what_modules_dep_says_of_a_missing_module_is_replaced),
        cmocka_unit_test(modprobe_finds_what_the_index_says),
        cmocka_unit_test(an_index_of_nothing_is_one),
        TEST(initramfs_tools_loads_what_it_did_and_more),
        TEST(any_other_init_is_told_as_dracut_and_systemd_read_it),
    };

    if (libarchive_load(&e) < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
