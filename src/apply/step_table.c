// SPDX-License-Identifier: GPL-3.0-or-later
/* step_table.c: the steps that make the file and change the partition table. */
#include "apply/step_ops.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "partition/type.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

int step_create_done(struct apply *apply, const struct step *step, struct err *e)
{
    struct stat st;

    (void)step;
    if (stat(apply->path, &st) == 0)
        return (uint64_t)st.st_size == apply->plan->survey->bytes;
    return errno == ENOENT ? 0 : err_errno(e, "%s", apply->path);
}

/* An empty file counts as none (see intent.c), so a cut between both calls is made good by the next
 * apply. */
int step_create_apply(struct apply *apply, const struct step *step, struct err *e)
{
    _cleanup_close_ int fd = open(apply->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    struct stat st;

    (void)step;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(e, "making %s", apply->path);
    if (st.st_size != 0)
        return err_set(e, ERR_REFUSED, "%s appeared since its steps were shown", apply->path);
    if (ftruncate(fd, (off_t)apply->plan->survey->bytes) < 0 || fsync(fd) < 0) {
        if (errno == EFBIG)
            err_set(e, ERR_NO_SPACE, "making %s: its filesystem takes no file that large",
                    apply->path);
        else
            err_errno(e, "making %s", apply->path);
        (void)unlink(apply->path); /* it was empty, or not there */
        return -1;
    }
    return io_sync_folder(apply->path, e);
}

/* The table as the kernel is to know it; *n is how many. Not what is only partly on the disk: the
 * kernel would take it for a smaller one, in which the table's own sectors may lie. */
static struct disk_partition *kernel_list(const struct table *table, struct extent disk, size_t *n,
                                          struct err *e)
{
    struct disk_partition *list = calloc(table->n + 1, sizeof(*list));

    *n = 0;
    if (list == NULL) {
        err_no_memory(e);
        return NULL;
    }
    for (size_t i = 0; i < table->n; i++) {
        struct extent range = table->entries[i].range;

        if (range.bytes > 0 && extent_contains(&disk, &range))
            list[(*n)++] =
                (struct disk_partition){.number = table->entries[i].number, .range = range};
    }
    if (table->extended.range.bytes > 0)
        list[(*n)++] = (struct disk_partition){
            .number = table->extended.number, .range = table->extended.range, .extended = true};
    return list;
}

int step_teach_kernel(struct apply *apply, const struct table *table, struct err *e)
{
    struct extent disk = {0, disk_blockdev(apply->disk)->bytes};
    size_t n;
    _cleanup_free_ struct disk_partition *list = kernel_list(table, disk, &n, e);

    return list == NULL ? -1 : disk_update_kernel(apply->disk, list, n, e);
}

int step_check_kernel(struct apply *apply, const struct table *table, struct err *e)
{
    struct extent disk = {0, disk_blockdev(apply->disk)->bytes};
    size_t n;
    _cleanup_free_ struct disk_partition *list = kernel_list(table, disk, &n, e);

    return list == NULL ? -1 : disk_check_update(apply->disk, list, n, e);
}

int step_write_table(struct apply *apply, const struct table *table, struct err *e)
{
    if (table_write(disk_blockdev(apply->disk), table, e) < 0)
        return -1;
    return step_teach_kernel(apply, table, e);
}

static bool has_entry(struct table *table, const struct table_entry *wanted)
{
    const struct table_entry *there = table_entry_by_uuid(table, &wanted->uuid);

    return there != NULL && there->number == wanted->number &&
           there->range.start == wanted->range.start && there->range.bytes == wanted->range.bytes;
}

int step_table_done(struct apply *apply, const struct step *step, struct err *e)
{
    _cleanup_table_ struct table *there = table_read(disk_blockdev(apply->disk), e);
    const struct table *wanted = apply->plan->table;

    (void)step;
    if (there == NULL)
        return -1;
    if (there->kind != TABLE_GPT || there->copies_differ)
        return 0;
    for (size_t i = 0; i < wanted->n; i++)
        if (!has_entry(there, &wanted->entries[i]))
            return 0;
    for (size_t i = 0; i < apply->plan->n_partitions; i++) {
        const struct plan_partition *p = &apply->plan->partitions[i];

        if (p->restore &&
            partition_type_is(&table_entry_by_uuid(there, &p->uuid)->type, "incomplete"))
            return 0;
    }
    return 1;
}

/* Every partition that is not filled yet is of the type "incomplete". */
int step_table_apply(struct apply *apply, const struct step *step, struct err *e)
{
    const struct plan *plan = apply->plan;
    struct table table = *plan->table;
    _cleanup_free_ struct table_entry *entries = calloc(table.n + 1, sizeof(*entries));
    const struct partition_type *incomplete = partition_type("incomplete");

    (void)step;
    if (entries == NULL)
        return err_no_memory(e);
    memcpy(entries, table.entries, table.n * sizeof(*entries));
    table.entries = entries;
    for (size_t i = 0; i < plan->n_partitions; i++) {
        struct table_entry *entry = table_entry_by_uuid(&table, &plan->partitions[i].uuid);

        if (plan->partitions[i].fill) {
            entry->type = incomplete->guid;
            entry->attributes = incomplete->attributes;
        }
    }
    return step_write_table(apply, &table, e);
}

int step_remove_done(struct apply *apply, const struct step *step, struct err *e)
{
    _cleanup_table_ struct table *there = table_read(disk_blockdev(apply->disk), e);

    (void)step;
    if (there == NULL)
        return -1;
    for (size_t i = 0; i < apply->plan->n_removed; i++)
        if (table_entry_by_uuid(there, &apply->plan->removed[i]) != NULL)
            return 0;
    return 1;
}

int step_remove_apply(struct apply *apply, const struct step *step, struct err *e)
{
    _cleanup_table_ struct table *table = table_read(disk_blockdev(apply->disk), e);

    (void)step;
    if (table == NULL || disk_log_remove(&apply->log, table, e) < 0)
        return -1;
    for (size_t i = 0; i < apply->plan->n_removed; i++) {
        const struct table_entry *entry = table_entry_by_uuid(table, &apply->plan->removed[i]);

        if (entry != NULL)
            table_remove(table, entry->number);
    }
    return step_write_table(apply, table, e);
}

int step_retire_done(struct apply *apply, const struct step *step, struct err *e)
{
    _cleanup_table_ struct table *there = table_read(disk_blockdev(apply->disk), e);

    (void)step;
    if (there == NULL)
        return -1;
    for (size_t i = 0; i < apply->plan->n_removed; i++) {
        const struct table_entry *entry = table_entry_by_uuid(there, &apply->plan->removed[i]);

        if (entry != NULL && !partition_type_is(&entry->type, "incomplete"))
            return 0;
    }
    return 1;
}

int step_retire_apply(struct apply *apply, const struct step *step, struct err *e)
{
    _cleanup_table_ struct table *table = table_read(disk_blockdev(apply->disk), e);

    (void)step;
    if (table == NULL)
        return -1;
    for (size_t i = 0; i < apply->plan->n_removed; i++) {
        struct table_entry *entry = table_entry_by_uuid(table, &apply->plan->removed[i]);

        if (entry != NULL)
            entry->type = partition_type("incomplete")->guid;
    }
    return table_write(disk_blockdev(apply->disk), table, e);
}

int step_commit_type(struct apply *apply, const struct plan_partition *partition, struct err *e)
{
    _cleanup_table_ struct table *table = table_read(disk_blockdev(apply->disk), e);
    const struct partition_type *type = partition_type(partition->wanted->type);
    struct table_entry *entry;

    if (table == NULL)
        return -1;
    entry = table_entry_by_uuid(table, &partition->uuid);
    if (entry == NULL || type == NULL)
        return err_set(e, ERR_FAILED, "%s has gone from the partition table",
                       partition->wanted->name);
    entry->type = type->guid;
    entry->attributes = type->attributes;
    return table_write(disk_blockdev(apply->disk), table, e);
}
