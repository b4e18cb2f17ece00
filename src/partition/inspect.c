// SPDX-License-Identifier: GPL-3.0-or-later
/* inspect.c: what is really on a disk, as plain data. Reads only. */
#include "partition/inspect.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "partition/gpt.h"
#include "partition/probe.h"
#include "partition/table.h"
#include "partition/type.h"

#include <string.h>

#define SCAN_CHUNK      MIB
#define SAMPLES         1024
#define SAMPLE_BYTES    (64 * KIB)
#define GPT_ENTRY_BYTES 128
#define DISK_MIN        MIB        /* below, there is no room for anything beside the table */
#define DEVICE_EDGE     (16 * MIB) /* how much of a device's ends is looked at for unknown data */

static bool all_zero(const unsigned char *buf, size_t n)
{
    return n == 0 || (buf[0] == 0 && memcmp(buf, buf + 1, n - 1) == 0);
}

/* 1: the range has a byte that is not zero. */
static int has_data(struct blockdev *bd, struct extent range, struct err *e)
{
    _cleanup_free_ unsigned char *buf = malloc(SCAN_CHUNK);
    uint64_t at = range.start, end = extent_end(&range);

    if (buf == NULL)
        return err_no_memory(e);
    while (at < end) {
        struct extent data;
        size_t n;

        if (blockdev_next_data(bd, at, &data, e) < 0)
            return -1;
        if (data.bytes == 0 || data.start >= end)
            return 0;
        at = data.start;
        n = (size_t)(end - at < SCAN_CHUNK ? end - at : SCAN_CHUNK);
        n = data.bytes < n ? (size_t)data.bytes : n;
        if (blockdev_pread(bd, buf, n, at, e) < 0)
            return -1;
        if (!all_zero(buf, n))
            return 1;
        at += n;
    }
    return 0;
}

/* 1: one of the samples, spread evenly over the device, has a byte that is not zero. */
static int sample_has_data(struct blockdev *bd, uint64_t end, struct err *e)
{
    uint64_t step = round_up(end / SAMPLES, MIB);

    for (uint64_t at = 0; at < end; at += step) {
        struct extent sample = {at, end - at < SAMPLE_BYTES ? end - at : SAMPLE_BYTES};
        int found = has_data(bd, sample, e);

        if (found != 0)
            return found;
    }
    return 0;
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

/* A disk without a table: is anything on it? A file is looked through as a whole, of a device its
 * ends and samples, and libblkid looks for signatures of whole disks on both. */
static int find_unknown_data(struct disk *disk, struct survey *survey, struct err *e)
{
    struct blockdev *bd = disk_blockdev(disk);
    uint64_t backup = 16 * KIB + survey->sector;
    struct extent all = {0, survey->bytes}, rest = {0, survey->bytes - backup};
    bool sampled = disk_is_device(disk) && rest.bytes > 2 * DEVICE_EDGE;
    struct extent head = {0, sampled ? DEVICE_EDGE : rest.bytes};
    struct extent tail = {rest.bytes - DEVICE_EDGE, sampled ? DEVICE_EDGE : 0};
    struct probe probe;
    int found;

    if (probe_range(bd, all, &probe, e) < 0)
        return -1;
    found = probe.fs != NULL || probe.ambivalent;
    probe_clear(&probe);
    if (found == 0)
        found = has_data(bd, head, e);
    if (found == 0 && sampled)
        found = has_data(bd, tail, e);
    if (found == 0 && sampled)
        found = sample_has_data(bd, rest.bytes, e);
    if (found == 0)
        found = backup_has_data(bd, (struct extent){rest.bytes, backup}, e);
    survey->unknown_data = found > 0;
    return found < 0 ? -1 : 0;
}

static int fill_partition(struct disk *disk, const struct table_entry *entry,
                          struct survey_partition *p, struct err *e)
{
    struct probe probe;

    *p = (struct survey_partition){
        .number = entry->number,
        .range = entry->range,
        .type = entry->type,
        .uuid = entry->uuid,
        .attributes = entry->attributes,
        .name = strdup(entry->name),
        .incomplete = partition_type_is(&entry->type, "incomplete"),
    };
    if (p->name == NULL)
        return err_no_memory(e);
    if (disk_holder(disk, p->range, &p->holder, &p->mountpoint, e) < 0)
        return -1;
    if (extent_end(&p->range) > disk_blockdev(disk)->bytes)
        return 0; /* past the end of the disk: the table is damaged, nothing to probe */
    if (probe_range(disk_blockdev(disk), p->range, &probe, e) < 0)
        return err_wrap(e, "partition %u", p->number);
    p->fs = steal(probe.fs);
    p->fs_uuid = steal(probe.uuid);
    p->label = steal(probe.label);
    return 0;
}

static int fill_partitions(struct disk *disk, const struct table *table, struct survey *survey,
                           struct err *e)
{
    survey->partitions = calloc(table->n + 1, sizeof(*survey->partitions));
    if (survey->partitions == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < table->n; i++) {
        survey->n_partitions++;
        if (fill_partition(disk, &table->entries[i], &survey->partitions[i], e) < 0)
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
    table = table_new(blank, &any, e);
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
    if (table->kind == TABLE_NONE)
        return would_be_usable(survey->bytes, survey->sector, &survey->usable, e) < 0
                   ? -1
                   : find_unknown_data(disk, survey, e);
    survey->uuid = table->uuid;
    survey->usable = table->usable;
    survey->copies_differ = table->copies_differ;
    survey->table_problem = table_problem(table, disk_blockdev(disk));
    return fill_partitions(disk, table, survey, e);
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
    disk_identify(disk, &identity);
    survey->model = identity.model;
    survey->serial = identity.serial;
    survey->wwn = identity.wwn;
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
