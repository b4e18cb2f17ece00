// SPDX-License-Identifier: GPL-3.0-or-later
/* A mounted folder as a tree: what it does, and that nothing leads out of it. */
#include "core/cleanup.h"
#include "core/io.h"
#include "core/spawn.h"
#include "tree/tree.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

struct folder {
    char path[40];
    char outside[64]; /* a file beside the tree that must stay as it is */
    struct tree *tree;
};

static struct err e;

static char *at(struct folder *f, const char *path, char buf[200])
{
    snprintf(buf, 200, "%s/tree/%s", f->path, path);
    return buf;
}

static int setup(void **state)
{
    struct folder *f = calloc(1, sizeof(*f));
    char path[200];

    strcpy(f->path, "/tmp/test-dir-XXXXXX");
    if (mkdtemp(f->path) == NULL)
        return -1;
    snprintf(f->outside, sizeof(f->outside), "%s/outside", f->path);
    if (io_make_dirs(at(f, "sub", path), &e) < 0 ||
        io_replace_file(at(f, "sub/file", path), "content", 7, 0640, &e) < 0 ||
        io_replace_file(f->outside, "outside", 7, 0600, &e) < 0)
        return -1;
    if (symlink("../../outside", at(f, "sub/link", path)) < 0 ||
        symlink("..", at(f, "up", path)) < 0 || mkfifo(at(f, "fifo", path), 0600) < 0)
        return -1;
    f->tree = dir_tree_open(at(f, "", path), &e);
    *state = f;
    return f->tree != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    struct folder *f = *state;
    int result;

    tree_close(f->tree);
    result = spawn_tool(NULL, &e, "rm", "-r", f->path, NULL);
    free(f);
    return result;
}

static void assert_outside_untouched(struct folder *f)
{
    _cleanup_free_ char *data = NULL;

    assert_int_equal(io_read_file(f->outside, 100, &data, NULL, &e), 0);
    assert_string_equal(data, "outside");
}

static void stat_tells_files_folders_and_links(void **state)
{
    struct folder *f = *state;
    struct tree_entry entry;

    assert_int_equal(tree_stat(f->tree, "sub/file", &entry, &e), 0);
    assert_int_equal(entry.type, TREE_FILE);
    assert_int_equal(entry.mode, 0640);
    assert_int_equal(entry.size, 7);
    assert_int_equal(tree_stat(f->tree, "sub/link", &entry, &e), 0);
    assert_int_equal(entry.type, TREE_SYMLINK);
    assert_string_equal(entry.target, "../../outside");
    assert_int_equal(tree_stat(f->tree, "", &entry, &e), 0);
    assert_int_equal(entry.type, TREE_DIR);
    assert_int_equal(tree_stat(f->tree, "sub/file/x", &entry, &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
}

static int count(void *arg, const char *name, enum tree_type type)
{
    (void)name;
    *(int *)arg += type == TREE_SYMLINK ? 100 : 1;
    return 0;
}

static void list_gives_names_and_types(void **state)
{
    struct folder *f = *state;
    int n = 0;

    assert_int_equal(tree_list(f->tree, "sub", count, &n, &e), 0);
    assert_int_equal(n, 101);
}

static void a_symlink_leads_nowhere(void **state)
{
    static const char *const paths[] = {"sub/link", "up/outside", "../outside", "up"};
    struct folder *f = *state;
    char buf[10];
    size_t got;
    int n = 0;

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        assert_int_equal(tree_read(f->tree, paths[i], buf, sizeof(buf), 0, &got, &e), -1);
        assert_int_equal(tree_overwrite(f->tree, paths[i], 0, "x", 1, &e), -1);
        assert_int_equal(tree_list(f->tree, paths[i], count, &n, &e), -1);
    }
    assert_int_equal(tree_put_file(f->tree, "up/outside", 0644, "x", 1, &e), -1);
    assert_int_equal(tree_remove(f->tree, "up/outside", &e), -1);
    assert_outside_untouched(f);
}

static void only_ordinary_files_are_read(void **state)
{
    struct folder *f = *state;
    char buf[10];
    size_t got;

    assert_int_equal(tree_read(f->tree, "fifo", buf, sizeof(buf), 0, &got, &e), -1);
    assert_int_equal(tree_read(f->tree, "sub", buf, sizeof(buf), 0, &got, &e), -1);
}

static void overwrite_stays_in_the_file(void **state)
{
    struct folder *f = *state;
    struct stat before, after;
    char path[200];
    _cleanup_free_ char *data = NULL;

    stat(at(f, "sub/file", path), &before);
    assert_int_equal(tree_overwrite(f->tree, "sub/file", 3, "TENT", 4, &e), 0);
    assert_int_equal(tree_overwrite(f->tree, "sub/file", 4, "TENT", 4, &e), -1);
    assert_int_equal(e.code, ERR_NO_SPACE);
    assert_int_equal(tree_sync(f->tree, &e), 0);
    stat(at(f, "sub/file", path), &after);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(tree_read_file(f->tree, "sub/file", 100, &data, NULL, &e), 0);
    assert_string_equal(data, "conTENT");
}

static void put_makes_parents_and_replaces(void **state)
{
    struct folder *f = *state;
    struct tree_entry entry;
    _cleanup_free_ char *data = NULL;

    assert_int_equal(tree_put_file(f->tree, "a/b/c", 0600, "one", 3, &e), 0);
    assert_int_equal(tree_put_file(f->tree, "a/b/c", 0755, "two", 3, &e), 0);
    assert_int_equal(tree_stat(f->tree, "a/b/c", &entry, &e), 0);
    assert_int_equal(entry.mode, 0755);
    assert_int_equal(tree_read_file(f->tree, "a/b/c", 100, &data, NULL, &e), 0);
    assert_string_equal(data, "two");
    /* a link is replaced, not followed */
    assert_int_equal(tree_put_file(f->tree, "sub/link", 0644, "x", 1, &e), 0);
    assert_outside_untouched(f);
}

static void remove_takes_files_and_empty_folders(void **state)
{
    struct folder *f = *state;
    struct tree_entry entry;

    assert_int_equal(tree_remove(f->tree, "sub/link", &e), 0);
    assert_outside_untouched(f);
    assert_int_equal(tree_remove(f->tree, "sub", &e), -1); /* not empty */
    assert_int_equal(tree_remove(f->tree, "sub/file", &e), 0);
    assert_int_equal(tree_remove(f->tree, "sub", &e), 0);
    assert_int_equal(tree_remove(f->tree, "sub", &e), 0);
    assert_int_equal(tree_remove(f->tree, "no/such/file", &e), 0);
    assert_int_equal(tree_stat(f->tree, "sub", &entry, &e), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(stat_tells_files_folders_and_links),
        TEST(list_gives_names_and_types),
        TEST(a_symlink_leads_nowhere),
        TEST(only_ordinary_files_are_read),
        TEST(overwrite_stays_in_the_file),
        TEST(put_makes_parents_and_replaces),
        TEST(remove_takes_files_and_empty_folders),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
