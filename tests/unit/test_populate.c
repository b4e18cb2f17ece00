// SPDX-License-Identifier: GPL-3.0-or-later
/* Filling a partition from an image: the bytes that were read must be those that were promised. */
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "core/spawn.h"
#include "fs/fs_ext4.h"
#include "images/populate.h"
#include "images/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static char folder[] = "/tmp/berth-test-populate.XXXXXX";
static char archive[64];

static int make_archive(void **state)
{
    char path[96];
    struct err e;

    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/root/etc", folder);
    snprintf(archive, sizeof(archive), "%s/image.tar", folder);
    if (io_make_dirs(path, &e) < 0)
        return -1;
    snprintf(path, sizeof(path), "%s/root/etc/os-release", folder);
    if (io_replace_file(path, "ID=test\n", 8, 0644, &e) < 0)
        return -1;
    snprintf(path, sizeof(path), "%s/root", folder);
    return spawn_tool(NULL, &e, "tar", "-C", path, "-cf", archive, ".", NULL);
}

static int remove_archive(void **state)
{
    struct err e;

    (void)state;
    return spawn_tool(NULL, &e, "rm", "-r", folder, NULL);
}

static int fill(const struct image *image, struct err *e)
{
    _cleanup_blockdev_ struct blockdev *bd = mem_open(32 * MIB, 512, e);
    struct fs_options options = {.label = "test"};
    struct machine_system system = {.name = (char *)"main"};
    struct customize_input input = {.system = &system, .root_uuid = "0"};

    assert_non_null(bd);
    assert_int_equal(fs_ext4_make(bd, &options, e), 0);
    return populate(bd, image, &input, NULL, e);
}

static void an_image_with_its_own_digest_is_filled_in(void **state)
{
    _cleanup_image_ struct image image = {0};
    struct err e = {.code = ERR_OK};

    (void)state;
    assert_int_equal(image_find(archive, &image, &e), 0);
    if (fill(&image, &e) < 0)
        fail_msg("%s", e.text);
}

/* The store's file was looked at before; this is about what changes after that look. */
static void bytes_with_another_digest_fail_at_the_end(void **state)
{
    _cleanup_image_ struct image image = {0};
    struct err e = {.code = ERR_OK};
    char *last;

    (void)state;
    assert_int_equal(image_find(archive, &image, &e), 0);
    last = image.digest + strlen(image.digest) - 1;
    *last = *last == '0' ? '1' : '0';
    assert_int_equal(fill(&image, &e), -1);
    assert_int_equal(e.code, ERR_VERIFY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_with_its_own_digest_is_filled_in),
        cmocka_unit_test(bytes_with_another_digest_fail_at_the_end),
    };

    return cmocka_run_group_tests(tests, make_archive, remove_archive);
}
