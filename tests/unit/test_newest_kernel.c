// SPDX-License-Identifier: GPL-3.0-or-later
/* test_newest_kernel.c: the rule of newest_kernel.h, on names and on a folder. */
#include "core/io.h"
#include "os/newest_kernel.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void assert_newer(const char *newer, const char *older)
{
    if (!kernel_version_newer(newer, older))
        fail_msg("%s should be newer than %s", newer, older);
    if (kernel_version_newer(older, newer))
        fail_msg("%s should not be newer than %s", older, newer);
}

static void numbers_compare_as_numbers(void **state)
{
    (void)state;
    assert_newer("6.1.0-13-amd64", "6.1.0-9-amd64");
    assert_newer("6.10.0-amd64", "6.9.12-amd64");
    assert_newer("5.14.21-150500.55.19-default", "5.14.21-150500.53-default");
    assert_newer("6.5.6-300.fc39.x86_64", "6.5.6-200.fc38.x86_64");
}

static void numbers_may_have_any_length(void **state)
{
    (void)state;
    assert_newer("6.1-20240101120000000001", "6.1-20240101120000000000");
    assert_newer("6.1-4294967297", "6.1-2");
    assert_newer("6.1-010", "6.1-9");
}

static void a_release_is_newer_than_its_candidates(void **state)
{
    (void)state;
    assert_newer("6.8.0-amd64", "6.8.0-rc7-amd64");
    assert_newer("6.8~rc2-amd64", "6.8~rc1-amd64");
    assert_newer("6.8-amd64", "6.8~rc7-amd64");
    assert_newer("6.8.0-1-amd64", "6.8.0-rc7-amd64");
    assert_newer("6.8", "6.8-rc1");
    assert_newer("6.11.2-amd64", "6.11-amd64");
    assert_newer("6.11.2-rc1-amd64", "6.11-amd64");
    assert_newer("6.8-rc1-amd64", "6.7.9-amd64");
}

static void a_longer_version_is_newer(void **state)
{
    (void)state;
    assert_newer("6.1.5", "6.1");
    assert_newer("6.1.0-2", "6.1.0");
}

static void flavours_of_one_version_have_a_fixed_order(void **state)
{
    (void)state;
    assert_newer("6.1.0-9-amd64", "6.1.0-9-cloud-amd64");
    assert_false(kernel_version_newer("6.1.0-9-amd64", "6.1.0-9-amd64"));
}

static void rescue_and_backup_kernels_are_never_taken(void **state)
{
    (void)state;
    assert_true(kernel_version_skipped("0-rescue-7f3a"));
    assert_true(kernel_version_skipped("6.1.0-9-amd64.old"));
    assert_true(kernel_version_skipped("6.1.0-9-amd64.dpkg-new"));
    assert_true(kernel_version_skipped("6.1.0-9-amd64.bak"));
    assert_true(kernel_version_skipped("6.1.0-9-kdump"));
    assert_true(kernel_version_skipped(""));
    assert_false(kernel_version_skipped("6.1.0-9-amd64"));
}

/* ---- on a folder ---- */

static void put(const char *folder, const char *path)
{
    char full[512];
    struct err e = {0};

    snprintf(full, sizeof(full), "%s/%s", folder, path);
    assert_int_equal(io_replace_file(full, "x", 1, 0644, &e), 0);
}

static int make_folder(void **state)
{
    char template[] = "/tmp/berth-test-XXXXXX", boot[64];

    *state = strdup(mkdtemp(template));
    snprintf(boot, sizeof(boot), "%s/boot", (char *)*state);
    return mkdir(boot, 0755);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

static int remove_folder(void **state)
{
    nftw(*state, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(*state);
    return 0;
}

static void assert_finds(const char *folder, const char *version, const char *initrd)
{
    struct err e = {0};
    _cleanup_tree_ struct tree *tree = dir_tree_open(folder, &e);
    struct newest_kernel found;

    assert_non_null(tree);
    assert_int_equal(newest_kernel_find(tree, &found, &e), 0);
    assert_string_equal(found.version, version);
    if (initrd == NULL)
        assert_null(found.initrd);
    else
        assert_string_equal(found.initrd, initrd);
    newest_kernel_free(&found);
}

static void finds_the_initrd_of_each_distribution(void **state)
{
    put(*state, "boot/vmlinuz-6.1.0-9-amd64");
    assert_finds(*state, "6.1.0-9-amd64", NULL);
    put(*state, "boot/initrd-6.1.0-9-amd64");
    assert_finds(*state, "6.1.0-9-amd64", "boot/initrd-6.1.0-9-amd64");
    put(*state, "boot/initramfs-6.1.0-9-amd64.img");
    assert_finds(*state, "6.1.0-9-amd64", "boot/initramfs-6.1.0-9-amd64.img");
    put(*state, "boot/initrd.img-6.1.0-9-amd64");
    assert_finds(*state, "6.1.0-9-amd64", "boot/initrd.img-6.1.0-9-amd64");
    put(*state, "boot/vmlinuz-6.1.0-10-amd64");
    put(*state, "boot/vmlinuz-6.1.0-11-amd64.old");
    assert_finds(*state, "6.1.0-10-amd64", NULL);
}

static void what_has_no_content_is_passed_over(void **state)
{
    char path[200];

    put(*state, "boot/vmlinuz-6.1.0-9-amd64");
    put(*state, "boot/initrd-6.1.0-9-amd64");
    put(*state, "boot/vmlinuz-6.1.0-10-amd64");
    snprintf(path, sizeof(path), "%s/boot/vmlinuz-6.1.0-10-amd64", (char *)*state);
    assert_int_equal(truncate(path, 0), 0);
    snprintf(path, sizeof(path), "%s/boot/vmlinuz-99", (char *)*state);
    assert_int_equal(symlink("vmlinuz-98", path), 0);
    snprintf(path, sizeof(path), "%s/boot/initrd.img-6.1.0-9-amd64", (char *)*state);
    assert_int_equal(symlink("/dev/null", path), 0);
    assert_finds(*state, "6.1.0-9-amd64", "boot/initrd-6.1.0-9-amd64");
}

static void says_that_there_is_no_kernel(void **state)
{
    struct err e = {0};
    _cleanup_tree_ struct tree *tree = dir_tree_open(*state, &e);
    struct newest_kernel found;

    assert_int_equal(newest_kernel_find(tree, &found, &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_compare_as_numbers),
        cmocka_unit_test(numbers_may_have_any_length),
        cmocka_unit_test(a_release_is_newer_than_its_candidates),
        cmocka_unit_test(a_longer_version_is_newer),
        cmocka_unit_test(flavours_of_one_version_have_a_fixed_order),
        cmocka_unit_test(rescue_and_backup_kernels_are_never_taken),
        cmocka_unit_test_setup_teardown(finds_the_initrd_of_each_distribution, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(what_has_no_content_is_passed_over, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(says_that_there_is_no_kernel, make_folder, remove_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
