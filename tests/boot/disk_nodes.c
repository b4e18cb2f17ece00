// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * disk_nodes: what berth does with devices, below its commands.
 * Usage: disk_nodes DISK NUMBER:START:MIB[:extended]...   makes the kernel's partitions these
 *        disk_nodes DISK hold START:MIB                   claims that range until it is killed
 *        disk_nodes DISK duplicates                       what another disk has too
 *        disk_nodes DISK same                             whether it is still that after a line
 * (START and MIB in MiB.) Prints "ok", or the error and its hint with status 1.
 */
#include "block/disk.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "partition/duplicates.h"
#include "partition/inspect.h"

#include <string.h>

static int update(const char *path, char **words, size_t n, struct err *e)
{
    _cleanup_free_ struct disk_partition *list = calloc(n + 1, sizeof(*list));
    _cleanup_disk_ struct disk *disk = disk_open(path, true, 0, e);

    if (list == NULL || disk == NULL)
        return -1;
    for (size_t i = 0; i < n; i++) {
        unsigned number, start, size;

        if (sscanf(words[i], "%u:%u:%u", &number, &start, &size) != 3)
            return err_set(e, ERR_USAGE, "%s", words[i]);
        list[i] = (struct disk_partition){
            number, {start * MIB, size * MIB}, strstr(words[i], ":extended") != NULL};
    }
    if (disk_check_users(disk, e) < 0 || disk_same_device(disk, e) < 0 ||
        disk_check_update(disk, list, n, e) < 0)
        return -1;
    return disk_update_kernel(disk, list, n, e);
}

static int hold(const char *path, const char *range, struct err *e)
{
    _cleanup_disk_ struct disk *disk = disk_open(path, true, 0, e);
    unsigned start, size;

    if (disk == NULL)
        return -1;
    if (sscanf(range, "%u:%u", &start, &size) != 2)
        return err_set(e, ERR_USAGE, "%s", range);
    if (disk_claim(disk, (struct extent){start * MIB, size * MIB}, "the range", e) < 0)
        return -1;
    puts("ok");
    fflush(stdout);
    return pause();
}

static int show_duplicates(const char *path, struct err *e)
{
    _cleanup_disk_ struct disk *disk = disk_open(path, false, 0, e);
    _cleanup_survey_ struct survey *survey = disk == NULL ? NULL : inspect(disk, path, e);
    struct damage *list;
    size_t n;

    if (survey == NULL || duplicates_find(survey, &list, &n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        puts(list[i].text);
    damage_free(list, n);
    return 0;
}

static int wait_and_compare(const char *path, struct err *e)
{
    _cleanup_disk_ struct disk *disk = disk_open(path, true, 0, e);

    if (disk == NULL)
        return -1;
    puts("opened");
    fflush(stdout);
    (void)getchar();
    return disk_same_device(disk, e);
}

static int run(char **argv, size_t n, struct err *e)
{
    if (n == 4 && strcmp(argv[2], "hold") == 0)
        return hold(argv[1], argv[3], e);
    if (n == 3 && strcmp(argv[2], "duplicates") == 0)
        return show_duplicates(argv[1], e);
    if (n == 3 && strcmp(argv[2], "same") == 0)
        return wait_and_compare(argv[1], e);
    return update(argv[1], argv + 2, n - 2, e);
}

int main(int argc, char **argv)
{
    struct err e = {0};

    if (argc < 2)
        return 2;
    if (run(argv, (size_t)argc, &e) < 0) {
        printf("%s\n%s\n", e.text, e.hint);
        return 1;
    }
    puts("ok");
    return 0;
}
