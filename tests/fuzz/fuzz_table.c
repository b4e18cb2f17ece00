// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fuzz_table.c: any bytes as a disk. What is read without damage can be written as it is; written
 * to a blank disk it is read back the same, at no place that the table does not name.
 *
 * The input is the disk's head and tail: its first byte chooses the sector size and how far they
 * are apart, the next two say how long the tail is.
 */
#include "core/cleanup.h"
#include "core/size.h"
#include "partition/table.h"

#include <stdint.h>
#include <string.h>

#define PREFIX 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct blockdev *disk_of(const uint8_t *data, size_t size, struct err *e)
{
    static const uint64_t holes[] = {0, 64 * MIB, UINT64_C(3) << 40, UINT64_C(1) << 62};
    unsigned sector = (data[0] & 1) != 0 ? 4096 : 512;
    size_t bytes = size - PREFIX, tail = data[1] | (size_t)data[2] << 8;
    uint64_t hole = holes[data[0] >> 1 & 3];
    struct blockdev *bd = mem_open(bytes + hole, sector, e);

    if (bd == NULL)
        abort();
    tail = tail > bytes ? bytes : tail;
    if (blockdev_pwrite(bd, data + PREFIX, bytes - tail, 0, e) < 0 ||
        blockdev_pwrite(bd, data + PREFIX + (bytes - tail), tail, bd->bytes - tail, e) < 0)
        abort();
    return bd;
}

/* Damage that does not keep the table from being written again. */
static bool is_whole(const struct table *table)
{
    return table->kind != TABLE_NONE && table_problem(table) == NULL;
}

static void check_gaps(const struct table *table)
{
    struct extent *gaps;
    struct err e;
    size_t n;

    for (int logical = 0; logical < 2; logical++) {
        if (table_gaps(table, logical, &gaps, &n, &e) < 0)
            abort();
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < table->n; k++)
                if (extent_overlaps(&gaps[i], &table->entries[k].range))
                    abort();
        free(gaps);
    }
}

/* What a table says must be what is read after it was written. */
static void check_written(struct blockdev *bd, const struct table *table)
{
    struct err e;
    _cleanup_table_ struct table *read = NULL;

    if (table_write(bd, table, &e) < 0) {
        if (e.code != ERR_NO_SPACE && e.code != ERR_USAGE)
            abort();
        return;
    }
    read = table_read(bd, &e);
    if (read == NULL || !table_equal(read, table) || !is_whole(read))
        abort();
}

static void check_places(struct blockdev *bd, const struct table *table)
{
    struct extent *places;
    struct err e;
    size_t n;

    if (table_places(table, bd, &places, &n, &e) < 0)
        return;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < table->n; k++)
            if (extent_overlaps(&places[i], &table->entries[k].range))
                abort();
    free(places);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_blockdev_ struct blockdev *bd = NULL, *blank = NULL;
    _cleanup_table_ struct table *table = NULL, *other = NULL;
    struct err e;

    if (size < PREFIX)
        return 0;
    bd = disk_of(data, size, &e);
    table = table_read(bd, &e);
    if (table == NULL)
        abort();
    if (!is_whole(table))
        return 0;
    check_gaps(table);
    if (table_validate(table, bd, &e) == 0) {
        check_places(bd, table);
        blank = mem_open(bd->bytes, bd->sector, &e);
        check_written(blank, table);
    }
    other = table_convert(table, table->kind == TABLE_GPT ? TABLE_MBR : TABLE_GPT, bd, &e);
    check_written(bd, table);
    if (other != NULL)
        check_written(bd, other);
    return 0;
}
