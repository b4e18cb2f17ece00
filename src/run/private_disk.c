// SPDX-License-Identifier: GPL-3.0-or-later
/* private_disk.c: a sparse temporary file with a table and an empty ESP in it. */
#include "run/private_disk.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "fs/fs_vfat.h"
#include "partition/table.h"
#include "partition/type.h"
#include "run/guest_cache.h"

#include <fcntl.h>

static const struct survey_partition *find_esp(const struct survey *survey)
{
    for (size_t i = 0; i < survey->n_partitions; i++)
        if (partition_type_is(&survey->partitions[i].type, "esp"))
            return &survey->partitions[i];
    return NULL;
}

static int insert(struct table *table, const struct survey_partition *partition, struct err *e)
{
    struct table_entry entry = {.number = partition->number,
                                .range = partition->range,
                                .type = partition->type,
                                .uuid = partition->uuid,
                                .attributes = partition->attributes};

    snprintf(entry.name, sizeof(entry.name), "%s", partition->name != NULL ? partition->name : "");
    return table_insert(table, &entry, e);
}

static int write_table(struct blockdev *bd, const struct survey *survey,
                       const struct survey_partition *const *own, size_t n_own,
                       const struct survey_partition *esp, struct err *e)
{
    _cleanup_table_ struct table *table = table_new(bd, TABLE_GPT, &survey->uuid, e);

    if (table == NULL)
        return -1;
    table->usable = survey->usable;
    for (size_t i = 0; i < n_own; i++)
        if (insert(table, own[i], e) < 0)
            return -1;
    if (esp != NULL && insert(table, esp, e) < 0)
        return -1;
    return table_write(bd, table, e);
}

/* An empty EFI system partition, and where it is kept: formatting one takes longer than all else
 * that berth does before a guest starts. */
struct empty_esp {
    const struct survey_partition *esp;
    unsigned sector;
    struct vfat_options options;
};

/* As guest_cache_fill. */
static int format_esp(void *arg, int out, struct err *e)
{
    const struct empty_esp *empty = arg;
    int copy = fcntl(out, F_DUPFD_CLOEXEC, 0);
    _cleanup_blockdev_ struct blockdev *file = NULL;

    if (copy < 0 || ftruncate(copy, (off_t)empty->esp->range.bytes) < 0) {
        err_errno(e, "an empty EFI system partition");
        cleanup_close(&copy);
        return -1;
    }
    file = file_from_fd(copy, "an empty EFI system partition", empty->sector, e);
    return file == NULL || vfat_make(file, &empty->options, e) < 0 ? -1 : 1;
}

/* The volume's number comes from the partition's GUID: the same in every run, and not the real
 * one's. */
static int make_esp(struct blockdev *bd, const struct survey_partition *esp,
                    const struct guid *guest, const char *folder, struct err *e)
{
    struct empty_esp empty = {esp, bd->sector, {.label = "BERTHVIEW"}};
    struct guest_cache cache = {
        .state_folder = folder, .kind = "esp", .guest = guest, .fill = format_esp, .arg = &empty};
    _cleanup_blockdev_ struct blockdev *slice = slice_open(bd, esp->range, e), *file = NULL;
    _cleanup_free_ char *name = NULL;
    struct guid derived;
    int fd;

    guid_derive(&esp->uuid, "view", &derived);
    for (size_t i = 0; i < sizeof(empty.options.volume_id); i++)
        empty.options.volume_id = empty.options.volume_id << 8 | derived.bytes[i];
    cache.name = name =
        io_format(e, BERTH_VERSION "-%llu-%u-%08x", (unsigned long long)esp->range.bytes,
                  bd->sector, (unsigned)empty.options.volume_id);
    fd = slice == NULL || name == NULL ? -1 : guest_cache_open(&cache, e);
    if (fd >= 0)
        file = file_from_fd(fd, "an empty EFI system partition", bd->sector, e);
    return file == NULL ? -1 : blockdev_copy_data(file, slice, e);
}

struct blockdev *private_disk_make(const struct survey *survey,
                                   const struct survey_partition *const *own, size_t n_own,
                                   const char *folder, struct err *e)
{
    const struct survey_partition *esp = find_esp(survey);
    int fd = io_temporary_file(folder, survey->bytes, e);
    _cleanup_blockdev_ struct blockdev *bd = NULL;

    if (fd < 0)
        return NULL;
    bd = file_forgotten(fd, "the private disk", survey->sector, e);
    if (bd == NULL || write_table(bd, survey, own, n_own, esp, e) < 0 ||
        (esp != NULL && make_esp(bd, esp, &own[0]->uuid, folder, e) < 0))
        return NULL;
    return steal(bd);
}
