// SPDX-License-Identifier: GPL-3.0-or-later
/* test_root_folder.c: what kernel options say of the subvolume with a system's root. */
#include "os/root_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct expected {
    const char *options, *folder, *others;
    bool fixed;
};

static void the_last_rootflags_counts(void **state)
{
    static const struct expected all[] = {
        {NULL, NULL, "", false},
        {"quiet splash", NULL, "", false},
        {"quiet rootflags=subvol=@home ro", "@home", "subvol=@home,", true},
        {"rootflags=subvol=/a/b", "a/b", "subvol=/a/b,", true},
        {"rootflags=subvol=/", "", "subvol=/,", true},
        {"rootflags=compress=zstd,subvol=x,noatime", "x", "compress=zstd,subvol=x,noatime,", true},
        {"rootflags=compress=zstd,noatime", NULL, "compress=zstd,noatime,", false},
        {"rootflags=subvol=x rootflags=noatime", NULL, "noatime,", false},
        {"rootflags=subvolid=256", NULL, "subvolid=256,", true},
        {"rootflags=", NULL, "", false},
        {"xrootflags=subvol=x", NULL, "", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct err e = {0};
        struct root_flags flags;

        assert_int_equal(root_flags_read(all[i].options, &flags, &e), 0);
        if (all[i].folder == NULL)
            assert_null(flags.folder);
        else
            assert_string_equal(flags.folder, all[i].folder);
        assert_string_equal(flags.others, all[i].others);
        assert_int_equal(flags.fixed, all[i].fixed);
        root_flags_free(&flags);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_rootflags_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
