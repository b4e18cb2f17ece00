// SPDX-License-Identifier: GPL-3.0-or-later
/* What a guest's initrd gets from its own root, and that the answer is kept. */
#include "core/cleanup.h"
#include "core/io.h"
#include "core/spawn.h"
#include "newc.h"
#include "run/guest_drivers.h"

#include <dirent.h>
#include <sys/mman.h>

#define VERSION "6.1.0-9-amd64"
#define MODULES "root/lib/modules/" VERSION

static struct err e;
static struct made made;
static char folder[64];
static const struct guid guest = {{0x5f, 0x0c, 0x3a, 0x52}};

/* The world of a test: a root with modules of its own, and an initrd. */
static struct {
    struct blockdev *root;
    struct jail_fds fds;
    struct tree *(*open)(const struct guest_drivers *drivers, struct err *e);
    struct boot_files files;
} w;

static void put_text(const char *path, const char *text)
{
    char full[256], *slash;

    snprintf(full, sizeof(full), "%s/%s", folder, path);
    slash = strrchr(full, '/');
    *slash = '\0';
    assert_int_equal(io_make_dirs(full, &e), 0);
    *slash = '/';
    assert_int_equal(io_replace_file(full, text, strlen(text), 0644, &e), 0);
}

static void make_root(void)
{
    char image[96], from[96];

    put_text(MODULES "/modules.dep", "kernel/virtio_pci.ko:\nkernel/virtio_blk.ko:\n");
    put_text(MODULES "/modules.builtin", "kernel/virtio_pci.ko\nkernel/ext4.ko\n");
    put_text(MODULES "/kernel/virtio_blk.ko", "the module");
    snprintf(image, sizeof(image), "%s/image", folder);
    snprintf(from, sizeof(from), "%s/root", folder);
    assert_int_equal(
        spawn_tool(NULL, &e, "mke2fs", "-q", "-t", "ext4", "-d", from, image, "8M", NULL), 0);
}

static void make_initrd(bool whole)
{
    made.n = 0;
    put_entry(&made, "scripts", 040755, "", 0);
    put_file(&made, "scripts/functions", "#!/bin/sh");
    if (whole)
        put_file(&made, "lib/modules/" VERSION "/kernel/virtio_blk.ko", "its own");
    put_end(&made);
    w.files.initrd = memfd_create("initrd", MFD_CLOEXEC);
    assert_int_equal(io_pwrite(w.files.initrd, made.bytes, made.n, 0, &e), 0);
    strcpy(w.files.version, VERSION);
}

static void open_root(void)
{
    struct jail_fds before;
    char image[96];

    snprintf(image, sizeof(image), "%s/image", folder);
    assert_int_equal(jail_list_fds(&before, &e), 0);
    w.root = file_open(image, false, 512, &e);
    assert_non_null(w.root);
    w.fds.n = 0;
    assert_int_equal(jail_fds_since(&before, &w.fds, &e), 0);
}

static int start(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/berth-drivers-XXXXXX");
    assert_non_null(mkdtemp(folder));
    make_root();
    open_root();
    return 0;
}

static int end(void **state)
{
    (void)state;
    w.open = NULL;
    blockdev_close(w.root);
    close(w.files.initrd);
    return spawn_tool(NULL, &e, "rm", "-r", folder, NULL);
}

/* What guest_drivers_add says. */
static int add(void)
{
    struct guest_drivers drivers = {.root = w.root,
                                    .fds = &w.fds,
                                    .open = w.open,
                                    .guest = &guest,
                                    .fs = "ext4",
                                    .state_folder = folder};

    return guest_drivers_add(&drivers, &w.files, &e);
}

static bool initrd_has(const char *text)
{
    static char bytes[ROOM];
    ssize_t n = pread(w.files.initrd, bytes, sizeof(bytes), 0);

    return n > 0 && memmem(bytes, (size_t)n, text, strlen(text)) != NULL;
}

static void initrd_is_as_it_was(void)
{
    struct stat st;

    assert_int_equal(fstat(w.files.initrd, &st), 0);
    assert_int_equal(st.st_size, made.n);
}

/* The root becomes nothing that could be read. */
static void forget_root(void)
{
    char image[96];

    blockdev_close(w.root);
    snprintf(image, sizeof(image), "%s/image", folder);
    assert_int_equal(truncate(image, 0), 0);
    assert_int_equal(truncate(image, 8 << 20), 0);
    open_root();
}

static void what_it_lacks_is_put_behind_it(void **state)
{
    (void)state;
    make_initrd(false);
    assert_int_equal(add(), 1);
    assert_true(initrd_has("#!/bin/sh"));
    assert_true(initrd_has("lib/modules/" VERSION "/kernel/virtio_blk.ko"));
    assert_true(initrd_has("the module"));
    assert_true(initrd_has("conf/modules"));
    assert_false(initrd_has("virtio_pci")); /* built in */
}

static struct tree *open_folder(const struct guest_drivers *drivers, struct err *why)
{
    char root[96];

    (void)drivers;
    snprintf(root, sizeof(root), "%s/root", folder);
    return dir_tree_open(root, why);
}

/* As GRUB's program reads filesystems that have no reader in a jail. */
static void another_reader_reads_before_the_jail(void **state)
{
    (void)state;
    w.open = open_folder;
    forget_root();
    make_initrd(false);
    assert_int_equal(add(), 1);
    assert_true(initrd_has("lib/modules/" VERSION "/kernel/virtio_blk.ko"));
    assert_true(initrd_has("the module"));
}

static void the_answer_is_kept(void **state)
{
    (void)state;
    make_initrd(false);
    assert_int_equal(add(), 1);
    close(w.files.initrd);
    make_initrd(false);
    forget_root();
    assert_int_equal(add(), 1);
    assert_true(initrd_has("the module"));
}

static void what_lacks_nothing_stays_and_that_is_kept_too(void **state)
{
    (void)state;
    make_initrd(true);
    assert_int_equal(add(), 0);
    forget_root();
    assert_int_equal(add(), 0);
    initrd_is_as_it_was();
}

static void another_initrd_is_looked_at_anew(void **state)
{
    (void)state;
    make_initrd(true);
    assert_int_equal(add(), 0);
    forget_root();
    assert_int_equal(io_pwrite(w.files.initrd, "\n", 1, made.n - 1, &e), 0); /* its last byte */
    assert_int_equal(add(), -1);
    initrd_is_as_it_was();
}

static void a_failure_is_not_kept(void **state)
{
    char path[160];
    DIR *dir;
    int entries = 0;

    (void)state;
    make_initrd(false);
    assert_int_equal(ftruncate(w.files.initrd, 100), 0); /* in the middle of an entry */
    made.n = 100;
    assert_int_equal(add(), -1);
    assert_int_equal(e.code, ERR_VERIFY);
    initrd_is_as_it_was();
    snprintf(path, sizeof(path), "%s/drivers/523a0c5f-0000-0000-0000-000000000000", folder);
    dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir) != NULL)
        entries++;
    closedir(dir);
    assert_int_equal(entries, 2); /* "." and ".." */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        TEST(what_it_lacks_is_put_behind_it),
        TEST(another_reader_reads_before_the_jail),
        TEST(the_answer_is_kept),
        TEST(what_lacks_nothing_stays_and_that_is_kept_too),
        TEST(another_initrd_is_looked_at_anew),
        TEST(a_failure_is_not_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
