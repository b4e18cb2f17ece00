// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * loop.c: loop devices that show a file or a device, and who uses those. A mount of one says more
 * than that there is one: the loop device does not go before that is ended.
 */
#include "block/holder.h"
#include "block/sysfs.h"
#include "core/cleanup.h"
#include "core/io.h"

#include <limits.h>
#include <string.h>

#define SECTOR 512 /* sysfs counts in these, always */

struct loop {
    char folder[NAME_MAX + 16]; /* "/sys/block/loop0" */
    const char *name;           /* in that */
    uint64_t offset;
    bool is_part, goes_by_itself;
};

static uint64_t number(const char *folder, const char *name)
{
    _cleanup_free_ char *text = sysfs_text(folder, name);

    return text != NULL ? strtoull(text, NULL, 10) : 0;
}

/* False when it shows something else, or nothing. */
static bool open_loop(struct loop *loop, const char *name, const struct stat *st)
{
    _cleanup_free_ char *backing = NULL;

    if (strncmp(name, "loop", 4) != 0)
        return false;
    snprintf(loop->folder, sizeof(loop->folder), "/sys/block/%s", name);
    backing = sysfs_text(loop->folder, "loop/backing_file");
    if (!holder_names(backing, st))
        return false;
    loop->name = strrchr(loop->folder, '/') + 1;
    loop->offset = number(loop->folder, "loop/offset");
    loop->is_part = loop->offset != 0 || number(loop->folder, "loop/sizelimit") != 0;
    loop->goes_by_itself = number(loop->folder, "loop/autoclear") != 0;
    return true;
}

/* What of the file the loop device shows at that folder, it or one of its partitions. */
static struct extent shown(const struct loop *loop, const char *folder)
{
    return (struct extent){loop->offset + number(folder, "start") * SECTOR,
                           number(folder, "size") * SECTOR};
}

static int add_release(struct holder *holder, const char *command, struct err *e)
{
    char *longer = holder->release == NULL ? io_format(e, "%s", command)
                                           : io_format(e, "%s; %s", holder->release, command);

    free(holder->release);
    holder->release = longer;
    return longer == NULL ? -1 : 0;
}

/* 1: somebody uses the device of that folder. */
static int add_user(const char *folder, struct holder *holder, struct err *e)
{
    _cleanup_holder_ struct holder user = {0};
    dev_t device = sysfs_device(folder);

    if (device == 0)
        return 0;
    if (holder_of_device(device, &user, e) < 0)
        return -1;
    if (user.text == NULL)
        return 0;
    if (holder->text == NULL)
        holder->text = io_format(e, "%s through /dev/%s", user.text, strrchr(folder, '/') + 1);
    if (holder->text == NULL || (user.release != NULL && add_release(holder, user.release, e) < 0))
        return -1;
    return 1;
}

/* 1: somebody uses the loop device, or a partition on it, where it shows some of the range. */
static int add_users(const struct loop *loop, const struct extent *range, struct holder *holder,
                     struct err *e)
{
    struct dirent **entries;
    int n = sysfs_entries("/sys/block", loop->name, &entries), users = 0, found = 0;

    for (int i = -1; i < n && found >= 0; i++) {
        char folder[sizeof(loop->folder) + NAME_MAX + 2];
        struct extent part;

        snprintf(folder, sizeof(folder), "%s%s%s", loop->folder, i < 0 ? "" : "/",
                 i < 0 ? "" : entries[i]->d_name);
        if (i >= 0 && !sysfs_has(folder, "partition"))
            continue;
        part = shown(loop, folder);
        if (range != NULL && !extent_overlaps(&part, range))
            continue;
        found = add_user(folder, holder, e);
        users += found > 0;
    }
    sysfs_entries_free(entries, n);
    return found < 0 ? -1 : users > 0;
}

static int add_loop(const struct loop *loop, const struct extent *range, struct holder *holder,
                    struct err *e)
{
    char command[PATH_MAX];
    struct extent all = shown(loop, loop->folder);
    int used = add_users(loop, range, holder, e);

    if (used < 0)
        return -1;
    if (used == 0 && range != NULL && (!loop->is_part || !extent_overlaps(&all, range)))
        return 0;
    if (used == 0)
        holder->text = io_format(e, "in use by /dev/%s", loop->name);
    if (holder->text == NULL)
        return -1;
    snprintf(command, sizeof(command), "losetup --detach /dev/%s", loop->name);
    return used > 0 && loop->goes_by_itself ? 0 : add_release(holder, command, e);
}

int holder_loop(const struct stat *st, const struct extent *range, struct holder *holder,
                struct err *e)
{
    struct dirent **disks;
    int n = sysfs_entries("/sys", "block", &disks), result = 0;
    struct loop loop;

    for (int i = 0; i < n && holder->text == NULL && result == 0; i++)
        if (open_loop(&loop, disks[i]->d_name, st))
            result = add_loop(&loop, range, holder, e);
    sysfs_entries_free(disks, n);
    return result;
}

bool holder_has_loop(const struct stat *st)
{
    struct dirent **disks;
    int n = sysfs_entries("/sys", "block", &disks);
    struct loop loop;
    bool has = false;

    for (int i = 0; i < n && !has; i++)
        has = open_loop(&loop, disks[i]->d_name, st);
    sysfs_entries_free(disks, n);
    return has;
}
