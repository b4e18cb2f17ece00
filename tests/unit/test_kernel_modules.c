// SPDX-License-Identifier: GPL-3.0-or-later
/* Which modules an initramfs gets, and in which order it loads them. */
#include "os/kernel_modules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char dep[] = "kernel/fs/ext4/ext4.ko: kernel/fs/jbd2/jbd2.ko kernel/lib/crc16.ko\n"
                          "kernel/fs/jbd2/jbd2.ko: kernel/lib/crc16.ko\n"
                          "kernel/lib/crc16.ko:\n"
                          "kernel/arch/x86/crypto/crc32c-intel.ko.xz:\n"
                          "kernel/drivers/block/virtio_blk.ko:\n"
                          "kernel/drivers/gpu/drm/drm.ko:\n"
                          "kernel/drivers/net/mii.ko:\n"
                          "kernel/drivers/usb/odd.ko: kernel/drivers/net/mii.ko\n";

static void assert_order(const char *loaded, const char *expected)
{
    struct strings files = {0};
    char all[1024] = "";
    struct err e;

    assert_int_equal(kernel_modules_order(loaded, dep, &files, &e), 0);
    for (size_t i = 0; i < files.n; i++) {
        const char *slash = strrchr(files.items[i], '/');

        strcat(all, slash + 1);
        strcat(all, " ");
    }
    strings_clear(&files);
    assert_string_equal(all, expected);
}

static void what_was_loaded_first_loads_first(void **state)
{
    (void)state;
    assert_order("virtio_blk 1 0 - Live 0x0\ncrc32c_intel 1 0 - Live 0x0\n",
                 "crc32c-intel.ko.xz virtio_blk.ko ");
}

static void what_a_module_needs_comes_before_it_and_once(void **state)
{
    (void)state;
    assert_order("crc16 1 2 ext4,jbd2,\njbd2 1 1 ext4\next4 1 1 -\n", "crc16.ko jbd2.ko ext4.ko ");
    assert_order("ext4 1 1 -\n", "crc16.ko jbd2.ko ext4.ko ");
}

static void what_drives_no_disk_is_left_out_unless_it_is_needed(void **state)
{
    (void)state;
    assert_order("drm 1 0 -\nmii 1 0 -\nvirtio_blk 1 0 -\n", "virtio_blk.ko ");
    assert_order("odd 1 0 -\n", "mii.ko odd.ko ");
}

static void a_module_of_unknown_origin_is_passed_over(void **state)
{
    (void)state;
    assert_order("homemade 1 0 - (OE)\nvirtio 1 0 -\ncrc16 1 0 -\n", "crc16.ko ");
    assert_order("", "");
}

static void modules_that_need_each_other_are_an_error(void **state)
{
    static const char circle[] = "kernel/a.ko: kernel/b.ko\nkernel/b.ko: kernel/a.ko\n";
    struct strings files = {0};
    struct err e;

    (void)state;
    assert_int_equal(kernel_modules_order("a 1 0 -\n", circle, &files, &e), -1);
    assert_int_equal(e.code, ERR_FAILED);
    strings_clear(&files);
}

static void a_kernel_has_what_it_lists(void **state)
{
    static const char built_in[] = "kernel/fs/mbcache.ko\nkernel/fs/ext4/ext4.ko";

    (void)state;
    assert_true(kernel_modules_list(dep, "crc32c_intel"));
    assert_true(kernel_modules_list(dep, "odd"));
    assert_false(kernel_modules_list(dep, "crc32c"));
    assert_false(kernel_modules_list(dep, "xfs"));
    assert_true(kernel_modules_list(built_in, "ext4"));
    assert_false(kernel_modules_list("", "ext4"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_loaded_first_loads_first),
        cmocka_unit_test(what_a_module_needs_comes_before_it_and_once),
        cmocka_unit_test(what_drives_no_disk_is_left_out_unless_it_is_needed),
        cmocka_unit_test(a_module_of_unknown_origin_is_passed_over),
        cmocka_unit_test(modules_that_need_each_other_are_an_error),
        cmocka_unit_test(a_kernel_has_what_it_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
