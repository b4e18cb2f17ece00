// SPDX-License-Identifier: GPL-3.0-or-later
/* private_disk.c: a sparse temporary file with a table and an empty ESP in it. */
#include "flow/private_disk.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "partition/fs_vfat.h"
#include "partition/table.h"
#include "partition/type.h"

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

/* The volume's number comes from the partition's GUID: the same in every run, and not the real
 * one's. */
static int make_esp(struct blockdev *bd, const struct survey_partition *esp, struct err *e)
{
    _cleanup_blockdev_ struct blockdev *slice = slice_open(bd, esp->range, e);
    struct vfat_options options = {.label = "BERTHVIEW"};
    struct guid derived;

    guid_derive(&esp->uuid, "view", &derived);
    for (size_t i = 0; i < sizeof(options.volume_id); i++)
        options.volume_id = options.volume_id << 8 | derived.bytes[i];
    return slice == NULL ? -1 : vfat_make(slice, &options, e);
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
    bd = file_from_fd(fd, "the private disk", survey->sector, e);
    if (bd == NULL || write_table(bd, survey, own, n_own, esp, e) < 0 ||
        (esp != NULL && make_esp(bd, esp, e) < 0))
        return NULL;
    return steal(bd);
}
