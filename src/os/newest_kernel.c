// SPDX-License-Identifier: GPL-3.0-or-later
/* newest_kernel.c: picks the kernel that boots. The rule is in newest_kernel.h. */
#include "os/newest_kernel.h"
#include "core/cleanup.h"
#include "core/io.h"

#include <ctype.h>
#include <string.h>

#define KERNEL_PREFIX "vmlinuz-"

/* Where a kernel's initrd may be, in the order Debian, Fedora, SUSE. */
static const char *const initrd_forms[] = {"boot/initrd.img-%s", "boot/initramfs-%s.img",
                                           "boot/initrd-%s"};

/* One step of a comparison: text, the digits behind it, and what is left. */
struct run {
    const char *text, *digits, *rest;
    size_t n_digits; /* without leading zeros */
    bool has_digits;
};

static struct run run_take(const char *version)
{
    struct run run = {.text = version};

    while (*version != '\0' && !isdigit((unsigned char)*version))
        version++;
    run.has_digits = *version != '\0';
    while (*version == '0')
        version++;
    run.digits = version;
    while (isdigit((unsigned char)*version))
        version++;
    run.n_digits = (size_t)(version - run.digits);
    run.rest = version;
    return run;
}

static bool run_is_candidate(const struct run *run)
{
    const char *text = run->text;

    if (!run->has_digits)
        return false;
    if (*text == '-' || *text == '~' || *text == '.')
        text++;
    return text[0] == 'r' && text[1] == 'c';
}

static bool run_is_point_release(const struct run *run)
{
    return run->has_digits && *run->text == '.';
}

/* Below, at or above zero, as strcmp. */
static int run_compare(const struct run *a, const struct run *b)
{
    if (run_is_candidate(a) != run_is_candidate(b))
        return run_is_candidate(a) ? -1 : 1;
    if (a->has_digits != b->has_digits)
        return a->has_digits ? 1 : -1;
    if (run_is_point_release(a) != run_is_point_release(b))
        return run_is_point_release(a) ? 1 : -1;
    if (a->n_digits != b->n_digits)
        return a->n_digits > b->n_digits ? 1 : -1;
    return strncmp(a->digits, b->digits, a->n_digits);
}

bool kernel_version_newer(const char *a, const char *b)
{
    const char *left_a = a, *left_b = b;

    for (;;) {
        struct run run_a = run_take(left_a), run_b = run_take(left_b);
        int order = run_compare(&run_a, &run_b);

        if (order != 0)
            return order > 0;
        if (!run_a.has_digits)
            return strcmp(a, b) < 0;
        left_a = run_a.rest;
        left_b = run_b.rest;
    }
}

bool kernel_version_skipped(const char *version)
{
    static const char *const marks[] = {"rescue", ".old", ".bak", ".dpkg-", "-kdump"};

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (strstr(version, marks[i]) != NULL)
            return true;
    return *version == '\0';
}

/* The versions of a folder's kernels. */
struct candidates {
    char **versions;
    size_t n;
    struct err *e;
};

static void candidates_clear(struct candidates *c)
{
    for (size_t i = 0; i < c->n; i++)
        free(c->versions[i]);
    free(c->versions);
}

static int consider(void *arg, const char *name, enum tree_type type)
{
    struct candidates *c = arg;
    const char *version = name + strlen(KERNEL_PREFIX);
    char **grown;

    if (strncmp(name, KERNEL_PREFIX, strlen(KERNEL_PREFIX)) != 0 ||
        kernel_version_skipped(version) || (type != TREE_FILE && type != TREE_SYMLINK))
        return 0;
    grown = realloc(c->versions, (c->n + 1) * sizeof(*grown));
    if (grown == NULL)
        return err_no_memory(c->e);
    c->versions = grown;
    grown[c->n] = strdup(version);
    if (grown[c->n] == NULL)
        return err_no_memory(c->e);
    c->n++;
    return 0;
}

static int newest_first(const void *a, const void *b)
{
    const char *x = *(char *const *)a, *y = *(char *const *)b;

    return kernel_version_newer(x, y) ? -1 : kernel_version_newer(y, x);
}

/* The file that path leads to; 0 when there is none with content, 1 with *found set. */
static int find_file(struct tree *tree, const char *path, char **found, struct err *e)
{
    struct err why = {0};
    struct tree_entry entry;
    _cleanup_free_ char *target = NULL;

    if (tree_find(tree, path, &target, &why) < 0 || tree_stat(tree, target, &entry, &why) < 0) {
        if (why.code == ERR_NOT_FOUND)
            return 0;
        *e = why;
        return -1;
    }
    if (entry.type != TREE_FILE || entry.size == 0)
        return 0;
    *found = steal(target);
    return 1;
}

/* boot/ and the form with the version in it; 1 when there is such a file. */
static int find_form(struct tree *tree, const char *form, const char *version, char **found,
                     struct err *e)
{
    const char *hole = strstr(form, "%s");
    _cleanup_free_ char *path =
        io_format(e, "%.*s%s%s", (int)(hole - form), form, version, hole + 2);

    return path == NULL ? -1 : find_file(tree, path, found, e);
}

static int find_initrd(struct tree *tree, const char *version, char **initrd, struct err *e)
{
    for (size_t i = 0; i < sizeof(initrd_forms) / sizeof(initrd_forms[0]); i++) {
        int found = find_form(tree, initrd_forms[i], version, initrd, e);

        if (found != 0)
            return found;
    }
    return 0;
}

/* The newest version whose file is really there: a dangling symlink is passed over, as in GRUB. */
static int take_first(struct tree *tree, const struct candidates *c, struct newest_kernel *found,
                      struct err *e)
{
    for (size_t i = 0; i < c->n; i++) {
        int there = find_form(tree, "boot/" KERNEL_PREFIX "%s", c->versions[i], &found->kernel, e);

        if (there < 0)
            return -1;
        if (there == 0)
            continue;
        found->version = strdup(c->versions[i]);
        if (found->version == NULL)
            return err_no_memory(e);
        return find_initrd(tree, found->version, &found->initrd, e) < 0 ? -1 : 0;
    }
    return err_set(e, ERR_NOT_FOUND, "no kernel (boot/vmlinuz-*)");
}

int newest_kernel_find(struct tree *tree, struct newest_kernel *found, struct err *e)
{
    struct candidates c = {.e = e};
    _cleanup_free_ char *boot = NULL;
    int result;

    *found = (struct newest_kernel){0};
    if (tree_find(tree, "boot", &boot, e) < 0)
        return -1;
    result = tree_list(tree, boot, consider, &c, e);
    if (result == 0 && c.n > 0)
        qsort(c.versions, c.n, sizeof(*c.versions), newest_first);
    if (result == 0)
        result = take_first(tree, &c, found, e);
    candidates_clear(&c);
    if (result < 0)
        newest_kernel_free(found);
    return result;
}

void newest_kernel_free(struct newest_kernel *found)
{
    free(found->version);
    free(found->kernel);
    free(found->initrd);
    *found = (struct newest_kernel){0};
}
