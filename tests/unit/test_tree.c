// SPDX-License-Identifier: GPL-3.0-or-later
/* Tests of what all trees have in common, on a small tree of its own. */
#include "core/cleanup.h"
#include "tree/tree.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static struct err err;

static const struct {
    const char *path;
    enum tree_type type;
    const char *text; /* target or content */
} entries[] = {
    {"", TREE_DIR, NULL},
    {"etc", TREE_DIR, NULL},
    {"etc/os-release", TREE_SYMLINK, "../usr/lib/os-release"},
    {"usr", TREE_DIR, NULL},
    {"usr/lib", TREE_DIR, NULL},
    {"usr/lib/os-release", TREE_FILE, "ID=debian\n"},
    {"lib", TREE_SYMLINK, "usr/lib"},
    {"absolute", TREE_SYMLINK, "/lib/os-release"},
    {"out", TREE_SYMLINK, "../../../../usr"},
    {"loop", TREE_SYMLINK, "loop"},
};

static int toy_stat(struct tree *tree, const char *path, struct tree_entry *entry, struct err *e)
{
    (void)tree;
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        if (strcmp(entries[i].path, path) != 0)
            continue;
        *entry =
            (struct tree_entry){.path = path, .type = entries[i].type, .target = entries[i].text};
        if (entry->type == TREE_FILE)
            entry->size = strlen(entries[i].text);
        return 0;
    }
    return err_set(e, ERR_NOT_FOUND, "%s: not found", path);
}

static int toy_read(struct tree *tree, const char *path, void *buf, size_t n, uint64_t offset,
                    size_t *got, struct err *e)
{
    struct tree_entry entry;

    if (toy_stat(tree, path, &entry, e) < 0)
        return -1;
    memcpy(buf, entry.target + offset, n);
    *got = n;
    return 0;
}

static const struct tree_ops toy_ops = {.kind = "toy", .stat = toy_stat, .read = toy_read};
static struct tree toy = {&toy_ops};

static void find_follows_symlinks_inside_the_tree(void **state)
{
    static const char *const found[][2] = {
        {"etc/os-release", "usr/lib/os-release"},
        {"lib/os-release", "usr/lib/os-release"},
        {"absolute", "usr/lib/os-release"},
        {"out/lib", "usr/lib"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
        _cleanup_free_ char *path = NULL;

        assert_int_equal(tree_find(&toy, found[i][0], &path, &err), 0);
        assert_string_equal(path, found[i][1]);
    }
}

static void find_ends_on_a_loop(void **state)
{
    char *path;

    (void)state;
    assert_int_equal(tree_find(&toy, "loop", &path, &err), -1);
    assert_int_equal(err.code, ERR_FAILED);
    assert_int_equal(tree_find(&toy, "loop/x", &path, &err), -1);
}

static void find_says_what_is_missing(void **state)
{
    char *path;

    (void)state;
    assert_int_equal(tree_find(&toy, "usr/bin", &path, &err), -1);
    assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void read_file_gives_text_with_its_end(void **state)
{
    _cleanup_free_ char *text = NULL;
    size_t len;

    (void)state;
    assert_int_equal(tree_read_file(&toy, "absolute", 100, &text, &len, &err), 0);
    assert_string_equal(text, "ID=debian\n");
    assert_int_equal(len, 10);
}

static void read_file_refuses_what_is_too_large_or_no_file(void **state)
{
    char *text;

    (void)state;
    assert_int_equal(tree_read_file(&toy, "absolute", 9, &text, NULL, &err), -1);
    assert_int_equal(tree_read_file(&toy, "usr", 9, &text, NULL, &err), -1);
}

static void a_driver_without_an_operation_is_named(void **state)
{
    (void)state;
    assert_int_equal(tree_remove(&toy, "x", &err), -1);
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "toy"));
}

static void paths_are_cleaned(void **state)
{
    static const char *const cleaned[][2] = {
        {"./", ""}, {".", ""}, {"/", ""}, {"/a/b", "a/b"}, {"./a//b/./c/", "a/b/c"}, {"...", "..."},
    };
    char out[PATH_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(cleaned) / sizeof(cleaned[0]); i++) {
        assert_int_equal(tree_path_clean(cleaned[i][0], out, sizeof(out), &err), 0);
        assert_string_equal(out, cleaned[i][1]);
    }
}

static void hostile_paths_are_refused(void **state)
{
    static const char *const hostile[] = {"..", "../x", "a/../b", "a/.."};
    char out[PATH_MAX], name[258];

    (void)state;
    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        assert_int_equal(tree_path_clean(hostile[i], out, sizeof(out), &err), -1);
        assert_int_equal(err.code, ERR_REFUSED);
    }
    memset(name, 'n', 256);
    name[256] = '\0';
    assert_int_equal(tree_path_clean(name, out, sizeof(out), &err), -1);
    assert_int_equal(tree_path_clean(name + 1, out, sizeof(out), &err), 0);
    assert_int_equal(tree_path_clean("abc", out, 3, &err), -1);
    assert_int_equal(tree_path_clean("abc", out, 5, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(find_follows_symlinks_inside_the_tree),
        cmocka_unit_test(find_ends_on_a_loop),
        cmocka_unit_test(find_says_what_is_missing),
        cmocka_unit_test(read_file_gives_text_with_its_end),
        cmocka_unit_test(read_file_refuses_what_is_too_large_or_no_file),
        cmocka_unit_test(a_driver_without_an_operation_is_named),
        cmocka_unit_test(paths_are_cleaned),
        cmocka_unit_test(hostile_paths_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
