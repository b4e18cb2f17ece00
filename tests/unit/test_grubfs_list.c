// SPDX-License-Identifier: GPL-3.0-or-later
/* test_grubfs_list.c: how GRUB lists a folder. */
#include "tree/grubfs_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct grubfs_list parse(const char *words)
{
    char *text = strdup(words);
    struct grubfs_list list = {0};
    struct err e = {0};

    assert_int_equal(grubfs_list_parse(text, &list, &e), 0);
    free(text);
    return list;
}

static void files_and_folders_have_their_size_and_name(void **state)
{
    struct grubfs_list list = parse("10485760     20261122234337 vmlinuz-6.1\n"
                                    "DIR          20261122234337 boot/\n"
                                    "123456789012345 20261122234337 large file\n\n");

    (void)state;
    assert_int_equal(list.n, 3);
    assert_int_equal(grubfs_list_find(&list, "vmlinuz-6.1")->size, 10485760);
    assert_int_equal(grubfs_list_find(&list, "boot")->type, TREE_DIR);
    assert_int_equal(grubfs_list_find(&list, "large file")->size, 123456789012345);
    assert_null(grubfs_list_find(&list, "large"));
    grubfs_list_clear(&list);
}

static void a_filesystem_without_times_has_names_too(void **state)
{
    struct grubfs_list list = parse("42          readme\nDIR         sub/\n");

    (void)state;
    assert_int_equal(list.n, 2);
    assert_int_equal(grubfs_list_find(&list, "readme")->size, 42);
    assert_int_equal(grubfs_list_find(&list, "sub")->type, TREE_DIR);
    grubfs_list_clear(&list);
}

static void what_is_no_name_is_passed_over(void **state)
{
    struct grubfs_list list = parse("words of a name\n1            20261122234337 a/b\n"
                                    "DIR          20261122234337 ./\n"
                                    "DIR          20261122234337 ../\n"
                                    "1            20261122234337 \n\n");

    (void)state;
    assert_int_equal(list.n, 0);
    grubfs_list_clear(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_and_folders_have_their_size_and_name),
        cmocka_unit_test(a_filesystem_without_times_has_names_too),
        cmocka_unit_test(what_is_no_name_is_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
