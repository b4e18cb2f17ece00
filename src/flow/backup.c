// SPDX-License-Identifier: GPL-3.0-or-later
/* backup.c: writes a table's sectors as JSON, and reads them again. */
#include "flow/backup.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "model/history_bytes.h"

#include <jansson.h>
#include <string.h>

#define FILE_MOST    (16 * MIB)
#define REGIONS_MOST 4096
#define REGION_MOST  (4 * MIB) /* what bytes_pack takes */
#define SECTOR_MOST  4096
#define BOOT_CODE    440 /* bytes of sector 0 that are no part of a table */

static json_t *region_json(struct blockdev *bd, struct extent range, struct err *e)
{
    _cleanup_free_ void *bytes = malloc((size_t)range.bytes);
    _cleanup_free_ char *text = NULL;

    if (bytes == NULL) {
        err_no_memory(e);
        return NULL;
    }
    if (blockdev_pread(bd, bytes, (size_t)range.bytes, range.start, e) < 0)
        return NULL;
    text = bytes_pack(bytes, (size_t)range.bytes, e);
    return text == NULL ? NULL
                        : json_pack("{s:I, s:I, s:s}", "start", (json_int_t)range.start, "bytes",
                                    (json_int_t)range.bytes, "data", text);
}

static json_t *regions_json(struct blockdev *bd, const struct table *table, struct err *e)
{
    _cleanup_free_ struct extent *sectors = NULL;
    json_t *list = json_array();
    size_t n;

    if (table_sectors(table, bd, &sectors, &n, e) < 0) {
        json_decref(list);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        json_t *region = region_json(bd, sectors[i], e);

        if (region == NULL || json_array_append_new(list, region) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

char *backup_print(struct blockdev *bd, const struct table *table, const char *path, struct err *e)
{
    _cleanup_free_ char *script = NULL, *text = NULL;
    json_t *regions, *top;

    if (table->kind == TABLE_NONE) {
        err_set(e, ERR_NOT_FOUND, "%s has no partition table", path);
        return NULL;
    }
    script = sfdisk_print(table, bd, path, e);
    regions = script != NULL ? regions_json(bd, table, e) : NULL;
    if (regions == NULL)
        return NULL;
    top = json_pack("{s:i, s:s, s:I, s:i, s:o, s:s}", "berth-backup", 1, "disk", path, "size",
                    (json_int_t)bd->bytes, "sector-size", (int)bd->sector, "regions", regions,
                    "sfdisk", script);
    text = top != NULL ? json_dumps(top, JSON_INDENT(2)) : NULL;
    json_decref(top);
    if (text == NULL)
        err_no_memory(e);
    return text == NULL ? NULL : io_format(e, "%s\n", text);
}

/* ---- reading ---- */

/* Puts the region where it was, on the stage. */
static int read_region(const json_t *object, struct blockdev *stage, struct err *e)
{
    const char *data = json_string_value(json_object_get(object, "data"));
    json_int_t start = json_integer_value(json_object_get(object, "start"));
    json_int_t bytes = json_integer_value(json_object_get(object, "bytes"));
    _cleanup_free_ void *unpacked = NULL;

    if (data == NULL || start < 0 || bytes <= 0 || (uint64_t)bytes > REGION_MOST ||
        (uint64_t)start > stage->bytes || (uint64_t)bytes > stage->bytes - (uint64_t)start)
        return err_set(e, ERR_SYNTAX, "expected a start, bytes and data inside the disk");
    unpacked = bytes_unpack(data, (size_t)bytes, e);
    return unpacked == NULL ? -1
                            : blockdev_pwrite(stage, unpacked, (size_t)bytes, (uint64_t)start, e);
}

static int read_regions(const json_t *list, const struct blockdev *bd, struct wanted *wanted,
                        struct err *e)
{
    if (!json_is_array(list) || json_array_size(list) > REGIONS_MOST)
        return err_set(e, ERR_SYNTAX, "\"regions\": expected a list");
    wanted->was = mem_open(bd->bytes, bd->sector, e);
    if (wanted->was == NULL)
        return -1;
    for (size_t i = 0; i < json_array_size(list); i++)
        if (read_region(json_array_get(list, i), wanted->was, e) < 0)
            return err_wrap(e, "region %zu", i + 1);
    wanted->table = table_read(wanted->was, e);
    if (wanted->table == NULL)
        return -1;
    damage_free(wanted->table->damage, wanted->table->n_damage);
    wanted->table->damage = NULL; /* it is written only if it is sound */
    wanted->table->n_damage = 0;
    return 0;
}

/* The bytes are those of a disk of that size; on another one they would mean something else. */
static int check_disk(const json_t *top, const struct blockdev *bd, struct err *e)
{
    json_int_t bytes = json_integer_value(json_object_get(top, "size"));
    json_int_t sector = json_integer_value(json_object_get(top, "sector-size"));
    char have[SIZE_TEXT], had[SIZE_TEXT];

    if (json_integer_value(json_object_get(top, "berth-backup")) != 1)
        return err_set(e, ERR_SYNTAX, "it is no backup that this berth knows");
    if (bytes > 0 && (uint64_t)bytes == bd->bytes && (unsigned)sector == bd->sector)
        return 0;
    err_set(e, ERR_REFUSED,
            "it is of a disk of %s with %d-byte sectors, and this one has %s with %u",
            size_exact(bytes > 0 ? (uint64_t)bytes : 0, had, sizeof(had)), (int)sector,
            size_exact(bd->bytes, have, sizeof(have)), bd->sector);
    return err_hint(e,
                    "its \"sfdisk\" member is a script, which `berth apply` takes for other disks");
}

int edit_restore(void *arg, struct blockdev *bd, const struct table *there, struct wanted *wanted,
                 struct err *e)
{
    const char *path = arg;
    _cleanup_free_ char *text = NULL;
    json_error_t where;
    json_t *top;
    int result = -1;
    (void)there;

    if (io_read_file(path, FILE_MOST, &text, NULL, e) < 0)
        return -1;
    top = json_loads(text, JSON_REJECT_DUPLICATES, &where);
    if (top == NULL) {
        err_set(e, ERR_SYNTAX, "%s:%d:%d: it is not JSON", path, where.line, where.column);
        return err_hint(e, "`berth disk backup` writes such a file");
    }
    if (check_disk(top, bd, e) == 0)
        result = read_regions(json_object_get(top, "regions"), bd, wanted, e);
    json_decref(top);
    return result < 0 ? err_wrap(e, "%s", path) : 0;
}

/* ---- what it would overwrite ---- */

/* 1: each sector holds zeros, or what it held when the backup was made. The boot code in front of
 * sector 0 stays, whatever it is. */
static int is_own(struct blockdev *bd, struct blockdev *was, struct extent range, struct err *e)
{
    static const uint8_t zeros[SECTOR_MOST];
    uint8_t now[SECTOR_MOST], then[SECTOR_MOST];

    for (uint64_t at = range.start; at < extent_end(&range); at += bd->sector) {
        size_t skip = at == 0 ? BOOT_CODE : 0, n = bd->sector - skip;

        if (blockdev_pread(bd, now, bd->sector, at, e) < 0 ||
            blockdev_pread(was, then, bd->sector, at, e) < 0)
            return -1;
        if (memcmp(now + skip, then + skip, n) != 0 && memcmp(now + skip, zeros, n) != 0)
            return 0;
    }
    return 1;
}

int backup_fits(const struct wanted *wanted, struct blockdev *bd, struct err *e)
{
    _cleanup_free_ struct extent *sectors = NULL;
    size_t n;
    int fits = 1;

    if (bd->sector > SECTOR_MOST)
        return 0;
    if (table_sectors(wanted->table, bd, &sectors, &n, e) < 0)
        return -1;
    for (size_t i = 0; fits > 0 && i < n; i++)
        fits = is_own(bd, wanted->was, sectors[i], e);
    return fits;
}
