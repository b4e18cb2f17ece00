// SPDX-License-Identifier: GPL-3.0-or-later
/* root_folder.c: reads rootflags=, and tries one folder after the other. */
#include "os/root_folder.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "os/newest_kernel.h"
#include "tree/grubfs.h"

#include <string.h>

static const char key[] = "rootflags=";

/* Ubuntu and openSUSE, Debian, Fedora. */
const char *const root_folder_names[] = {"@", "@rootfs", "root", NULL};

/* ---- what the options say ---- */

/* The value of the last rootflags=, and its length. */
static const char *find_value(const char *options, size_t *len)
{
    const char *value = NULL;

    for (const char *p = options; *p != '\0'; p += strcspn(p, " ")) {
        p += strspn(p, " ");
        if (strncmp(p, key, strlen(key)) == 0)
            value = p + strlen(key);
    }
    *len = value != NULL ? strcspn(value, " ") : 0;
    return value;
}

static int take_flag(struct root_flags *flags, const char *flag, size_t len, struct err *e)
{
    static const char name[] = "subvol=", number[] = "subvolid=";
    size_t at = strlen(name);

    if (len >= strlen(number) && strncmp(flag, number, strlen(number)) == 0)
        flags->fixed = true;
    if (len < at || strncmp(flag, name, at) != 0)
        return 0;
    while (at < len && flag[at] == '/')
        at++;
    free(flags->folder);
    flags->fixed = true;
    flags->folder = strndup(flag + at, len - at);
    return flags->folder != NULL ? 0 : err_no_memory(e);
}

int root_flags_read(const char *options, struct root_flags *flags, struct err *e)
{
    size_t len;
    const char *value = find_value(options != NULL ? options : "", &len);

    *flags = (struct root_flags){0};
    flags->others =
        io_format(e, "%.*s%s", (int)len, value != NULL ? value : "", len > 0 ? "," : "");
    if (flags->others == NULL)
        return -1;
    for (size_t at = 0; at < len;) {
        size_t one = strcspn(value + at, ", ");

        if (take_flag(flags, value + at, one, e) < 0) {
            root_flags_free(flags);
            return -1;
        }
        at += one + 1;
    }
    return 0;
}

void root_flags_free(struct root_flags *flags)
{
    free(flags->folder);
    free(flags->others);
    *flags = (struct root_flags){0};
}

/* ---- where it is ---- */

/* Whether there is a kernel below the folder, which is the tree's root from now on. */
static int has_kernel(struct tree *tree, const char *folder, bool *has, struct err *e)
{
    struct newest_kernel newest;
    struct err why = {0};

    if (grubfs_set_root(tree, folder, e) < 0)
        return -1;
    *has = newest_kernel_find(tree, &newest, &why) == 0;
    if (*has)
        newest_kernel_free(&newest);
    else if (why.code != ERR_NOT_FOUND) {
        *e = why;
        return -1;
    }
    return 0;
}

/* The filesystem's own root, or the first usual folder, that has a kernel; else the former. */
static int enter_usual(struct tree *tree, const char **folder, struct err *e)
{
    bool has;

    *folder = "";
    if (has_kernel(tree, "", &has, e) < 0)
        return -1;
    for (size_t i = 0; !has && root_folder_names[i] != NULL; i++) {
        *folder = root_folder_names[i];
        if (has_kernel(tree, *folder, &has, e) < 0)
            return -1;
    }
    if (has)
        return 0;
    *folder = "";
    return grubfs_set_root(tree, "", e);
}

static int enter(struct tree *tree, const char *options, char **word, struct err *e)
{
    _cleanup_root_flags_ struct root_flags flags = {0};
    const char *folder;

    if (root_flags_read(options, &flags, e) < 0)
        return -1;
    if (flags.folder != NULL)
        return grubfs_set_root(tree, flags.folder, e);
    if (enter_usual(tree, &folder, e) < 0)
        return -1;
    if (*folder == '\0' || flags.fixed)
        return 0;
    *word = io_format(e, "%s%ssubvol=%s", key, flags.others, folder);
    return *word == NULL ? -1 : 0;
}

struct tree *root_folder_open(struct blockdev *bd, const char *options, char **word, struct err *e)
{
    _cleanup_tree_ struct tree *tree = grubfs_tree_open(bd, e);

    *word = NULL;
    if (tree == NULL)
        return NULL;
    if (strcmp(grubfs_kind(tree), "btrfs") == 0 && enter(tree, options, word, e) < 0)
        return NULL;
    return steal(tree);
}
