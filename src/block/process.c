// SPDX-License-Identifier: GPL-3.0-or-later
/* process.c: looks for users of a device in /proc. */
#include "block/process.h"
#include "block/libmount.h"
#include "block/sysfs.h"
#include "core/cleanup.h"
#include "core/io.h"

#include <limits.h>
#include <string.h>

/* How a process uses `what`, in words that a process's name follows; new, NULL when it does not. */
typedef char *use_finder(const char *folder, const void *what, struct err *e);

struct file_range {
    const struct stat *file;
    struct extent range;
};

/* True when the process holds a lock by that descriptor that keeps others out of a part of the
 * range ("lock:\t1: OFDLCK ADVISORY  WRITE -1 08:01:99 0 99", or "EOF" as its last byte). */
static bool locks(const char *folder, const char *fd, const struct extent *range)
{
    char name[PATH_MAX], kind[32], last[32];
    _cleanup_free_ char *text = NULL;
    unsigned long long start;
    struct err ignored;
    const char *line;

    snprintf(name, sizeof(name), "%s/fdinfo/%s", folder, fd);
    if (io_read_file(name, 4096, &text, NULL, &ignored) < 0)
        return false;
    for (line = text; line != NULL && (line = strstr(line, "lock:")) != NULL; line += 5)
        if (sscanf(line, "lock: %*s %*s %*s %31s %*s %*s %llu %31s", kind, &start, last) == 3 &&
            strcmp(kind, "WRITE") == 0 && start < extent_end(range) &&
            (strcmp(last, "EOF") == 0 || strtoull(last, NULL, 10) >= range->start))
            return true;
    return false;
}

/* locked: only a descriptor that keeps others out of that range counts; NULL: any. */
static bool has_open(const char *folder, const struct stat *what, const struct extent *locked)
{
    char path[PATH_MAX];
    struct dirent **fds;
    int n = sysfs_entries(folder, "fd", &fds);
    bool found = false;

    for (int i = 0; i < n && !found; i++) {
        struct stat st;

        snprintf(path, sizeof(path), "%s/fd/%s", folder, fds[i]->d_name);
        found = stat(path, &st) == 0 && io_same_file(&st, what) &&
                (locked == NULL || locks(folder, fds[i]->d_name, locked));
    }
    sysfs_entries_free(fds, n);
    return found;
}

static char *find_open(const char *folder, const void *what, struct err *e)
{
    return has_open(folder, what, NULL) ? io_format(e, "open in") : NULL;
}

static char *find_lock(const char *folder, const void *what, struct err *e)
{
    static const struct extent beginning = {0, 1};

    return has_open(folder, what, &beginning) ? io_format(e, "under way in") : NULL;
}

static char *find_claim(const char *folder, const void *what, struct err *e)
{
    const struct file_range *claimed = what;

    return has_open(folder, claimed->file, &claimed->range) ? io_format(e, "in use by another")
                                                            : NULL;
}

static char *find_mount(const char *folder, const void *what, struct err *e)
{
    char path[PATH_MAX], *found = NULL;
    struct libmnt_table *table;
    struct libmnt_fs *fs;

    snprintf(path, sizeof(path), "%s/mountinfo", folder);
    table = lm.mnt_new_table_from_file(path);
    if (table == NULL)
        return NULL;
    fs = lm.mnt_table_find_devno(table, *(const dev_t *)what, MNT_ITER_FORWARD);
    if (fs != NULL && lm.mnt_fs_get_target(fs) != NULL)
        found = io_format(e, "mounted on %s for", lm.mnt_fs_get_target(fs));
    lm.mnt_unref_table(table);
    return found;
}

static bool is_other_process(const char *name)
{
    return strspn(name, "0123456789") == strlen(name) && strtol(name, NULL, 10) != getpid();
}

/* Asks process after process until one uses it. */
static int find_process(use_finder *use, const void *what, char **text, struct err *e)
{
    char folder[PATH_MAX];
    struct dirent **entries;
    int n = sysfs_entries("/", "proc", &entries), result = 0;

    *text = NULL;
    for (int i = 0; i < n && *text == NULL && result == 0; i++) {
        const char *pid = entries[i]->d_name;
        _cleanup_free_ char *how = NULL, *name = NULL;

        snprintf(folder, sizeof(folder), "/proc/%s", pid);
        how = is_other_process(pid) ? use(folder, what, e) : NULL;
        if (how == NULL)
            continue;
        name = sysfs_text(folder, "comm");
        *text = io_format(e, "%s %s (process %s)", how, name != NULL ? name : "a program", pid);
        result = *text == NULL ? -1 : 0;
    }
    sysfs_entries_free(entries, n);
    return result;
}

int process_that_opened(const struct stat *st, char **text, struct err *e)
{
    return find_process(find_open, st, text, e);
}

int process_that_locks(const struct stat *st, char **text, struct err *e)
{
    return find_process(find_lock, st, text, e);
}

int process_that_claims(const struct stat *st, struct extent range, char **text, struct err *e)
{
    struct file_range claimed = {st, range};

    return find_process(find_claim, &claimed, text, e);
}

int process_that_mounts(dev_t device, char **text, struct err *e)
{
    if (libmount_load(e) < 0)
        return -1;
    return find_process(find_mount, &device, text, e);
}
