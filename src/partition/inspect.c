// SPDX-License-Identifier: GPL-3.0-or-later
/* inspect.c: what is really on a disk, as plain data. Reads only. */
#include "partition/inspect.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "fs/fs_size.h"
#include "fs/probe.h"
#include "partition/gpt.h"
#include "partition/mbr.h"
#include "partition/table.h"
#include "partition/type.h"

#include <string.h>

#define GPT_ENTRY_BYTES 128
#define DISK_MIN        MIB /* below, there is no room for anything beside the table */

static bool all_zero(const unsigned char *buf, size_t n)
{
    return n == 0 || (buf[0] == 0 && memcmp(buf, buf + 1, n - 1) == 0);
}

/* The place of a GPT's backup, 16 KiB of entries and a header: 1 when it holds anything but zeros
 * and what a power cut in the first write of berth's own table leaves there, namely entries of the
 * type "incomplete", some missing, and perhaps the header. */
static int backup_has_data(struct blockdev *bd, struct extent backup, struct err *e)
{
    _cleanup_free_ unsigned char *buf = malloc((size_t)backup.bytes);
    const struct guid *ours = &partition_type("incomplete")->guid;
    size_t entries = (size_t)backup.bytes - bd->sector;

    if (buf == NULL)
        return err_no_memory(e);
    if (blockdev_pread(bd, buf, (size_t)backup.bytes, backup.start, e) < 0)
        return -1;
    for (size_t i = 0; i < entries; i += GPT_ENTRY_BYTES)
        if (!all_zero(buf + i, GPT_ENTRY_BYTES) && memcmp(buf + i, ours, sizeof(*ours)) != 0)
            return 1;
    return !all_zero(buf + entries, bd->sector) && memcmp(buf + entries, GPT_SIGNATURE, 8) != 0;
}

/* A disk without a table: is anything on it? A filesystem over all of it is named. */
static int find_unknown_data(struct disk *disk, struct survey *survey, struct err *e)
{
    struct blockdev *bd = disk_blockdev(disk);
    uint64_t backup = 16 * KIB + survey->sector;
    struct extent all = {0, survey->bytes}, rest = {0, survey->bytes - backup};
    struct probe probe;
    int found;

    if (probe_range(bd, all, &probe, e) < 0)
        return -1;
    found = probe.fs != NULL || probe.ambivalent;
    survey->fs = steal(probe.fs);
    survey->fs_uuid = steal(probe.uuid);
    survey->fs_device_uuid = steal(probe.device_uuid);
    survey->label = steal(probe.label);
    probe_clear(&probe);
    if (found == 0)
        found = probe_has_data(bd, rest, NULL, e);
    if (found == 0)
        found = backup_has_data(bd, (struct extent){rest.bytes, backup}, e);
    survey->unknown_data = found > 0;
    return found < 0 ? -1 : 0;
}

static int fill_partition(struct disk *disk, const struct table_entry *entry,
                          struct survey_partition *p, struct err *e)
{
    struct holder holder;

    *p = (struct survey_partition){
        .number = entry->number,
        .range = entry->range,
        .type = entry->type,
        .uuid = entry->uuid,
        .code = entry->code,
        .attributes = entry->attributes,
        .name = strdup(entry->name),
        .incomplete = partition_type_is(&entry->type, "incomplete"),
    };
    if (p->name == NULL)
        return err_no_memory(e);
    if (disk_holder(disk, p->range, &holder, e) < 0)
        return -1;
    p->holder = steal(holder.text);
    p->mountpoint = steal(holder.mountpoint);
    p->release = steal(holder.release);
    return 0;
}

/* The probe's texts become the partition's. */
static int take_probe(struct blockdev *bd, struct survey_partition *p, struct probe *probe,
                      struct err *e)
{
    p->fs = steal(probe->fs);
    p->fs_version = steal(probe->version);
    p->fs_uuid = steal(probe->uuid);
    p->fs_device_uuid = steal(probe->device_uuid);
    p->label = steal(probe->label);
    p->problem = steal(probe->problem);
    p->ambivalent = probe->ambivalent;
    if (p->fs == NULL)
        return 0;
    if (probe_is_member(p->fs) && (p->member = strdup(p->fs)) == NULL)
        return err_no_memory(e);
    return p->incomplete ? 0 : fs_size_at(bd, p->range.start, p->fs, &p->fs_bytes, e);
}

/* What lies past the end of the disk is damage of the table, and nothing to probe; nor is an
 * extended partition. */
static bool has_content(const struct survey_partition *p, uint64_t end)
{
    return p->range.bytes > 0 && extent_end(&p->range) <= end && !mbr_is_extended(p->code);
}

static int probe_partitions(struct blockdev *bd, struct survey *survey, struct err *e)
{
    _cleanup_free_ struct extent *ranges = calloc(survey->n_partitions + 1, sizeof(*ranges));
    _cleanup_free_ struct probe *probes = calloc(survey->n_partitions + 1, sizeof(*probes));
    size_t n = 0;
    int result = 0;

    if (ranges == NULL || probes == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < survey->n_partitions; i++)
        if (has_content(&survey->partitions[i], bd->bytes))
            ranges[n++] = survey->partitions[i].range;
    if (probe_ranges(bd, ranges, n, probes, e) < 0)
        return -1;
    n = 0;
    for (size_t i = 0; i < survey->n_partitions; i++) {
        struct survey_partition *p = &survey->partitions[i];

        if (!has_content(p, bd->bytes))
            continue;
        if (result >= 0 && (result = take_probe(bd, p, &probes[n], e)) < 0)
            err_wrap(e, "partition %u", p->number);
        probe_clear(&probes[n++]);
    }
    return result < 0 ? -1 : 0;
}

/* The extended partition is shown where its number is, and has no content but other partitions. */
static int fill_extended(const struct table *table, struct survey *survey, struct err *e)
{
    const struct table_extended *extended = &table->extended;
    struct survey_partition *p = &survey->partitions[survey->n_partitions++];

    *p = (struct survey_partition){.number = extended->number,
                                   .range = extended->range,
                                   .uuid = table_mbr_uuid(table, extended->number),
                                   .code = extended->code,
                                   .name = strdup("")};
    return p->name == NULL ? err_no_memory(e) : 0;
}

static int fill_partitions(struct disk *disk, const struct table *table, struct survey *survey,
                           struct err *e)
{
    bool extended = table->extended.range.bytes > 0;

    survey->partitions = calloc(table->n + 1, sizeof(*survey->partitions));
    if (survey->partitions == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i <= table->n; i++) {
        if (extended && (i == table->n || table->entries[i].number > table->extended.number)) {
            extended = false;
            if (fill_extended(table, survey, e) < 0)
                return -1;
        }
        if (i == table->n)
            break;
        survey->n_partitions++;
        if (fill_partition(disk, &table->entries[i], &survey->partitions[survey->n_partitions - 1],
                           e) < 0)
            return -1;
    }
    return 0;
}

/* Where partitions would lie on a new GPT of a disk that has no table. */
static int would_be_usable(uint64_t bytes, unsigned sector, struct extent *usable, struct err *e)
{
    _cleanup_blockdev_ struct blockdev *blank = mem_open(bytes, sector, e);
    _cleanup_table_ struct table *table = NULL;
    struct guid any = {0};

    if (bytes < DISK_MIN)
        return err_set(e, ERR_NO_SPACE, "a disk of %llu bytes is too small for partitions",
                       (unsigned long long)bytes);
    if (blank == NULL)
        return -1;
    table = table_new(blank, TABLE_GPT, &any, e);
    if (table == NULL)
        return err_wrap(e, "a disk of %llu bytes", (unsigned long long)bytes);
    *usable = table->usable;
    return 0;
}

static int fill_table(struct disk *disk, struct survey *survey, struct err *e)
{
    _cleanup_table_ struct table *table = table_read(disk_blockdev(disk), e);

    if (table == NULL)
        return -1;
    survey->table = table->kind;
    survey->damage = steal(table->damage);
    survey->n_damage = table->n_damage;
    table->n_damage = 0;
    if (table->kind == TABLE_NONE)
        return would_be_usable(survey->bytes, survey->sector, &survey->usable, e) < 0
                   ? -1
                   : find_unknown_data(disk, survey, e);
    survey->uuid = table->uuid;
    survey->usable = table->usable;
    survey->copies_differ = table->copies_differ;
    return fill_partitions(disk, table, survey, e) < 0
               ? -1
               : probe_partitions(disk_blockdev(disk), survey, e);
}

/* Sector 0 has room for 440 bytes of boot code before a disk's signature (UEFI 2.10 table 5.1). */
static int find_boot_code(struct disk *disk, struct survey *survey, struct err *e)
{
    unsigned char code[440];

    if (blockdev_pread(disk_blockdev(disk), code, sizeof(code), 0, e) < 0)
        return -1;
    survey->boot_code = !all_zero(code, sizeof(code));
    return 0;
}

static struct survey *survey_of(const char *path, uint64_t bytes, unsigned sector, struct err *e)
{
    struct survey *survey = calloc(1, sizeof(*survey));

    if (survey == NULL || (survey->path = strdup(path)) == NULL) {
        free(survey);
        err_no_memory(e);
        return NULL;
    }
    survey->bytes = bytes;
    survey->sector = sector;
    return survey;
}

struct survey *inspect(struct disk *disk, const char *path, struct err *e)
{
    struct blockdev *bd = disk_blockdev(disk);
    _cleanup_survey_ struct survey *survey = survey_of(path, bd->bytes, bd->sector, e);
    struct disk_identity identity;

    if (survey == NULL)
        return NULL;
    survey->exists = true;
    survey->is_file = !disk_is_device(disk);
    survey->sector_guessed = disk_sector_is_guess(disk);
    device_identify(disk_device(disk), &identity);
    survey->model = identity.model;
    survey->serial = identity.serial;
    survey->wwn = identity.wwn;
    survey->sequence = device_sequence(disk_device(disk));
    if (find_boot_code(disk, survey, e) < 0 || fill_table(disk, survey, e) < 0) {
        err_wrap(e, "%s", path);
        return NULL;
    }
    return steal(survey);
}

struct survey *inspect_missing(const char *path, uint64_t bytes, unsigned sector, struct err *e)
{
    _cleanup_survey_ struct survey *survey = survey_of(path, bytes, sector, e);

    if (survey == NULL)
        return NULL;
    survey->is_file = true;
    return would_be_usable(bytes, sector, &survey->usable, e) < 0 ? NULL : steal(survey);
}
