// SPDX-License-Identifier: GPL-3.0-or-later
/* Who is stacked on a device, told from a folder as sysfs has it. (Real ones: tests/boot.) */
#include "block/holder.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/spawn.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static char folder[] = "/tmp/berth-test-holder.XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder + sizeof(folder) - 7, "XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    struct err e;

    (void)state;
    return spawn_tool(NULL, &e, "rm", "-r", folder, NULL);
}

static void add(const char *holder, const char *attribute, const char *text)
{
    char path[PATH_MAX], *slash;
    struct err e;

    snprintf(path, sizeof(path), "%s/holders/%s/%s", folder, holder, attribute);
    slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(io_make_dirs(path, &e), 0);
    *slash = '/';
    assert_int_equal(io_replace_file(path, text, strlen(text), 0644, &e), 0);
}

static void add_mapping(const char *node, const char *name, const char *uuid)
{
    add(node, "dm/name", name);
    add(node, "dm/uuid", uuid);
}

static void assert_held(const char *text, const char *release)
{
    _cleanup_holder_ struct holder holder = {0};
    struct err e;

    assert_int_equal(holder_stacked(folder, &holder, &e), 0);
    assert_string_equal(holder.text, text);
    assert_string_equal(holder.release, release);
}

static void a_device_without_holders_is_free(void **state)
{
    _cleanup_holder_ struct holder holder = {0};
    struct err e;

    (void)state;
    assert_int_equal(holder_stacked(folder, &holder, &e), 0);
    assert_null(holder.text);
}

static void a_mapping_is_named_by_its_maker(void **state)
{
    (void)state;
    add_mapping("dm-0", "vg0-root\n", "LVM-Yq2LfC4vXs0\n");
    assert_held("held by the LVM volume vg0-root (dm-0)",
                "lvchange --activate n /dev/mapper/vg0-root");
}

static void an_opened_luks_is_named(void **state)
{
    (void)state;
    add_mapping("dm-1", "secret\n", "CRYPT-LUKS2-0a1b-secret\n");
    assert_held("held by the LUKS mapping secret (dm-1)", "cryptsetup close /dev/mapper/secret");
}

static void a_raid_is_named_by_its_device(void **state)
{
    (void)state;
    add("md0", "md/level", "raid1\n");
    assert_held("held by the RAID md0", "mdadm --stop /dev/md0");
}

static void a_bcache_is_named_by_its_device(void **state)
{
    (void)state;
    add("bcache0", "bcache/state", "clean\n");
    assert_held("held by the bcache device bcache0", "echo 1 > /sys/block/bcache0/bcache/stop");
}

static void a_mapping_of_unknown_make_is_named_too(void **state)
{
    (void)state;
    add("dm-7", "dm/name", "odd\n");
    assert_held("held by the device-mapper device odd (dm-7)", "dmsetup remove /dev/mapper/odd");
}

static void several_holders_are_listed_in_order(void **state)
{
    (void)state;
    add_mapping("dm-10", "vg0-home\n", "LVM-b\n");
    add_mapping("dm-2", "vg0-root\n", "LVM-a\n");
    assert_held("held by the LVM volume vg0-root (dm-2) and the LVM volume vg0-home (dm-10)",
                "lvchange --activate n /dev/mapper/vg0-root");
}

static void of_many_holders_the_last_are_counted(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        char node[16], name[16];

        snprintf(node, sizeof(node), "dm-%d", i);
        snprintf(name, sizeof(name), "v-%d\n", i);
        add_mapping(node, name, "LVM-x\n");
    }
    assert_held("held by the LVM volume v-0 (dm-0), the LVM volume v-1 (dm-1), "
                "the LVM volume v-2 (dm-2) and 3 more",
                "lvchange --activate n /dev/mapper/v-0");
}

#define HOLDER_TEST(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOLDER_TEST(a_device_without_holders_is_free),
        HOLDER_TEST(a_mapping_is_named_by_its_maker),
        HOLDER_TEST(an_opened_luks_is_named),
        HOLDER_TEST(a_raid_is_named_by_its_device),
        HOLDER_TEST(a_bcache_is_named_by_its_device),
        HOLDER_TEST(a_mapping_of_unknown_make_is_named_too),
        HOLDER_TEST(several_holders_are_listed_in_order),
        HOLDER_TEST(of_many_holders_the_last_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
