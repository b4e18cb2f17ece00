// SPDX-License-Identifier: GPL-3.0-or-later
/* duplicates.c: compares the UUIDs of a disk with one another and with those of the machine's other
 * disks. */
#include "partition/duplicates.h"
#include "block/disk_list.h"
#include "block/sysfs.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "partition/inspect.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

struct found {
    struct damage **list;
    size_t *n;
};

/* Adds one duplicate; text is taken, NULL when there was no memory for it. */
static int add(struct found *found, enum damage_kind kind, unsigned number, char *text,
               struct err *e)
{
    struct damage *grown = realloc(*found->list, (*found->n + 1) * sizeof(*grown));

    if (grown != NULL)
        *found->list = grown;
    if (grown == NULL || text == NULL) {
        free(text);
        return err_no_memory(e);
    }
    grown[(*found->n)++] = (struct damage){kind, number, text};
    return 0;
}

/* True for filesystems whose UUID names all the disks that they span: each part has one more, its
 * own, as far as libblkid tells it. */
static bool spans_disks(const char *fs)
{
    static const char *const kinds[] = {"btrfs", "linux_raid_member", "zfs_member", "drbd"};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(fs, kinds[i]) == 0)
            return true;
    return false;
}

static bool same_fs(const struct survey_partition *a, const struct survey_partition *b)
{
    return a->fs != NULL && b->fs != NULL && a->fs_uuid != NULL && b->fs_uuid != NULL &&
           strcmp(a->fs, b->fs) == 0 && strcmp(a->fs_uuid, b->fs_uuid) == 0 &&
           (!spans_disks(a->fs) || (a->fs_device_uuid != NULL && b->fs_device_uuid != NULL &&
                                    strcmp(a->fs_device_uuid, b->fs_device_uuid) == 0));
}

/* What a disk without a table holds, as if it were a partition without a number. */
static struct survey_partition whole_of(const struct survey *survey)
{
    return (struct survey_partition){.range = {0, survey->bytes},
                                     .fs = survey->fs,
                                     .fs_uuid = survey->fs_uuid,
                                     .fs_device_uuid = survey->fs_device_uuid};
}

/* "partition 3", or "the disk"; text has room for that. */
static const char *part_text(const struct survey_partition *p, char text[32])
{
    snprintf(text, 32, "the disk");
    if (p->number != 0)
        snprintf(text, 32, "partition %u", p->number);
    return text;
}

/* other: the other disk's path, NULL: it is the same one. */
static int compare_fs(const struct survey_partition *p, const struct survey_partition *q,
                      const char *other, struct found *found, struct err *e)
{
    char one[32], two[32];

    if (!same_fs(p, q))
        return 0;
    return add(found, DAMAGE_DUPLICATE_FS, p->number,
               io_format(e, "the %s of %s has the UUID of that of %s%s%s", p->fs, part_text(p, one),
                         q->number == 0 && other != NULL ? "" : part_text(q, two),
                         q->number == 0 || other == NULL ? "" : " of ", other != NULL ? other : ""),
               e);
}

static int compare_guids(const struct survey_partition *p, const struct survey_partition *q,
                         const char *path, struct found *found, struct err *e)
{
    if (guid_is_zero(&p->uuid) || !guid_equal(&p->uuid, &q->uuid))
        return 0;
    return add(
        found, DAMAGE_DUPLICATE_ON_MACHINE, p->number,
        io_format(e, "partition %u has the UUID of partition %u of %s", p->number, q->number, path),
        e);
}

/* A partition with the other disk's, or with what that holds as a whole. */
static int compare_one(const struct survey_partition *p, const struct survey *other,
                       struct found *found, struct err *e)
{
    struct survey_partition whole = whole_of(other);

    for (size_t i = 0; i < other->n_partitions; i++)
        if (compare_guids(p, &other->partitions[i], other->path, found, e) < 0 ||
            compare_fs(p, &other->partitions[i], other->path, found, e) < 0)
            return -1;
    return compare_fs(p, &whole, other->path, found, e);
}

int duplicates_compare(const struct survey *survey, const struct survey *other,
                       struct damage **list, size_t *n, struct err *e)
{
    struct found found = {list, n};
    struct survey_partition whole = whole_of(survey);

    if (survey->table == other->table && !guid_is_zero(&survey->uuid) &&
        guid_equal(&survey->uuid, &other->uuid) &&
        add(&found, DAMAGE_DUPLICATE_ON_MACHINE, 0,
            io_format(e, "the table has the id of that of %s", other->path), e) < 0)
        return -1;
    for (size_t i = 0; i < survey->n_partitions; i++)
        if (compare_one(&survey->partitions[i], other, &found, e) < 0)
            return -1;
    return compare_one(&whole, other, &found, e);
}

/* The later one of two is named. That two have one GUID is the table's own damage. */
int duplicates_within(const struct survey *survey, struct damage **list, size_t *n, struct err *e)
{
    struct found found = {list, n};

    for (size_t i = 1; i < survey->n_partitions; i++)
        for (size_t k = 0; k < i; k++)
            if (compare_fs(&survey->partitions[i], &survey->partitions[k], NULL, &found, e) < 0)
                return -1;
    return 0;
}

/* True when two folders of sysfs have an entry of the same name below NAME. */
static bool have_common(const char *folder, const char *other, const char *name)
{
    struct dirent **entries;
    int n = sysfs_entries(folder, name, &entries);
    bool common = false;

    for (int i = 0; i < n && !common; i++) {
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "%s/%s", name, entries[i]->d_name);
        common = sysfs_has(other, path);
    }
    sysfs_entries_free(entries, n);
    return common;
}

/* True when one disk is made of the other, or both are parts of the same: then they show the same
 * bytes on purpose. */
static bool are_stacked(dev_t a, dev_t b)
{
    char first[SYSFS_FOLDER], other[SYSFS_FOLDER], link[PATH_MAX], path[PATH_MAX];

    sysfs_folder(a, first);
    sysfs_folder(b, other);
    if (have_common(first, other, "holders"))
        return true;
    if (realpath(other, link) == NULL)
        return false;
    snprintf(path, sizeof(path), "holders%s", strrchr(link, '/'));
    if (sysfs_has(first, path))
        return true;
    snprintf(path, sizeof(path), "slaves%s", strrchr(link, '/'));
    return sysfs_has(first, path);
}

/* True for the disk itself, and for whatever shows the same bytes by design. */
static bool is_same(const struct survey *survey, const struct disk_device *device)
{
    _cleanup_free_ char *backing = NULL;
    char folder[SYSFS_FOLDER];
    struct stat st, shown;

    if (stat(survey->path, &st) < 0)
        return false;
    if (S_ISBLK(st.st_mode) &&
        (st.st_rdev == device->device || are_stacked(st.st_rdev, device->device)))
        return true;
    backing = sysfs_text(sysfs_folder(device->device, folder), "loop/backing_file");
    return backing != NULL && stat(backing, &shown) == 0 && io_same_file(&shown, &st);
}

static int compare_device(const struct survey *survey, const struct disk_device *device,
                          struct damage **list, size_t *n, struct err *e)
{
    _cleanup_survey_ struct survey *other = NULL;
    _cleanup_disk_ struct disk *disk = NULL;
    struct err ignored;

    if (is_same(survey, device))
        return 0;
    disk = disk_open(device->path, false, 0, &ignored);
    other = disk == NULL ? NULL : inspect(disk, device->path, &ignored);
    return other == NULL ? 0 : duplicates_compare(survey, other, list, n, e);
}

int duplicates_find(const struct survey *survey, struct damage **list, size_t *n, struct err *e)
{
    struct disk_device *devices;
    size_t count;
    int result;

    *list = NULL;
    *n = 0;
    if (disk_list(false, &devices, &count, e) < 0)
        return -1;
    result = duplicates_within(survey, list, n, e);
    for (size_t i = 0; i < count && result == 0; i++)
        result = compare_device(survey, &devices[i], list, n, e);
    disk_list_free(devices, count);
    if (result < 0) {
        damage_free(*list, *n);
        *list = NULL;
        *n = 0;
    }
    return result;
}
