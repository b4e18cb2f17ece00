// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * probe_signatures.c: every signature in a range, and wiping them.
 *
 * libblkid names one signature after the other when each one found is hidden from it before it
 * looks again. It stops at the first copy where the rest would tell it nothing new: the copies of
 * btrfs and ZFS are looked for here.
 */
#include "core/cleanup.h"
#include "core/size.h"
#include "fs/probe.h"
#include "fs/zfs.h"

#include <blkid.h>
#include <string.h>

#define SIGNATURES_MOST 4096 /* a ZFS has 512; more than this is somebody's attack */
#define FIRST_COPIES    MIB  /* what lies below is wiped last */

static const char *const usages[] = {
    [PROBE_FILESYSTEM] = "filesystem", [PROBE_RAID] = "raid",   [PROBE_CRYPTO] = "crypto",
    [PROBE_TABLE] = "table",           [PROBE_OTHER] = "other",
};

struct signatures {
    struct probe_signature *list;
    size_t n;
};

const char *probe_usage_name(enum probe_usage usage)
{
    return usages[usage];
}

static enum probe_usage usage_of(const char *name)
{
    for (int i = PROBE_FILESYSTEM; i < PROBE_OTHER; i++)
        if (name != NULL && strcmp(name, usages[i]) == 0)
            return (enum probe_usage)i;
    return PROBE_OTHER;
}

/* Adds a signature unless it is there already. */
static int add(struct signatures *found, const struct probe_signature *signature, struct err *e)
{
    struct probe_signature *grown;

    for (size_t i = 0; i < found->n; i++)
        if (found->list[i].offset == signature->offset &&
            strcmp(found->list[i].name, signature->name) == 0)
            return 0;
    if (found->n == SIGNATURES_MOST)
        return err_set(e, ERR_UNSUPPORTED, "more than %d signatures", SIGNATURES_MOST);
    grown = realloc(found->list, (found->n + 1) * sizeof(*grown));
    if (grown == NULL)
        return err_no_memory(e);
    found->list = grown;
    grown[found->n++] = *signature;
    return 0;
}

static const char *value(blkid_probe pr, const char *name, size_t *len)
{
    const char *text = NULL;

    return blkid_probe_lookup_value(pr, name, &text, len) == 0 ? text : NULL;
}

/* Adds what libblkid has just found: a superblock or a partition table. */
static int add_found(blkid_probe pr, struct signatures *found, struct err *e)
{
    struct probe_signature s = {0};
    const char *name = value(pr, "TYPE", NULL), *offset = value(pr, "SBMAGIC_OFFSET", NULL);

    if (name != NULL && offset != NULL) {
        (void)value(pr, "SBMAGIC", &s.bytes);
        s.usage = usage_of(value(pr, "USAGE", NULL));
    } else {
        name = value(pr, "PTTYPE", NULL);
        offset = value(pr, "PTMAGIC_OFFSET", NULL);
        (void)value(pr, "PTMAGIC", &s.bytes);
        s.usage = PROBE_TABLE;
    }
    if (name == NULL || offset == NULL || s.bytes == 0)
        return 0;
    snprintf(s.name, sizeof(s.name), "%s", name);
    s.offset = strtoull(offset, NULL, 10);
    return add(found, &s, e);
}

static int find_all(blkid_probe pr, struct signatures *found, struct err *e)
{
    int result;

    for (int i = 0; i < SIGNATURES_MOST && (result = blkid_do_probe(pr)) == 0; i++) {
        if (add_found(pr, found, e) < 0)
            return -1;
        if (blkid_do_wipe(pr, true) < 0) /* "dry run": only hides it from this probe */
            return err_set(e, ERR_IO, "probing for signatures failed");
    }
    return result < 0 ? err_set(e, ERR_IO, "probing for signatures failed") : 0;
}

static int ask_blkid(struct blockdev *bd, struct extent range, struct signatures *found,
                     struct err *e)
{
    blkid_probe pr;
    uint64_t start;
    int fd, result = -1;

    if (blockdev_fd_extent(bd, range, &fd, &start, e) < 0)
        return -1;
    pr = blkid_new_probe();
    if (pr == NULL)
        return err_no_memory(e);
    if (blkid_probe_set_device(pr, fd, (blkid_loff_t)start, (blkid_loff_t)range.bytes) == 0 &&
        blkid_probe_set_sectorsize(pr, bd->sector) == 0 &&
        blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_MAGIC | BLKID_SUBLKS_TYPE |
                                                  BLKID_SUBLKS_USAGE | BLKID_SUBLKS_BADCSUM) == 0 &&
        blkid_probe_enable_partitions(pr, 1) == 0 &&
        blkid_probe_set_partitions_flags(pr, BLKID_PARTS_MAGIC | BLKID_PARTS_FORCE_GPT) == 0)
        result = find_all(pr, found, e);
    else
        err_set(e, ERR_IO, "probing for signatures failed");
    blkid_free_probe(pr);
    return result;
}

/* The copies of a btrfs superblock at 64 MiB and 256 GiB: a magic at 64, and at 48 the superblock's
 * own place (fs/btrfs/disk-io.c, btrfs_validate_super). */
static int find_btrfs(struct blockdev *bd, struct extent range, struct signatures *found,
                      struct err *e)
{
    static const uint64_t copies[] = {64 * MIB, 256 * GIB};
    struct probe_signature s = {"btrfs", PROBE_FILESYSTEM, 0, 8};
    unsigned char head[72];
    uint64_t place;

    for (size_t i = 0; i < sizeof(copies) / sizeof(copies[0]); i++) {
        if (copies[i] + 4 * KIB > range.bytes)
            break;
        if (blockdev_pread(bd, head, sizeof(head), range.start + copies[i], e) < 0)
            return -1;
        memcpy(&place, head + 48, sizeof(place));
        s.offset = copies[i] + 64;
        if (place == copies[i] && memcmp(head + 64, "_BHRfS_M", 8) == 0 && add(found, &s, e) < 0)
            return -1;
    }
    return 0;
}

static int find_zfs(struct blockdev *bd, struct extent range, struct signatures *found,
                    struct err *e)
{
    struct probe_signature s = {"zfs_member", PROBE_FILESYSTEM, 0, ZFS_MAGIC_BYTES};
    _cleanup_free_ uint64_t *places = NULL;
    size_t n;

    if (zfs_uberblocks(bd, range, &places, &n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        s.offset = places[i];
        if (add(found, &s, e) < 0)
            return -1;
    }
    return 0;
}

static int by_offset(const void *a, const void *b)
{
    const struct probe_signature *x = a, *y = b;

    return (x->offset > y->offset) - (x->offset < y->offset);
}

int probe_signatures(struct blockdev *bd, struct extent range, struct probe_signature **list,
                     size_t *n, struct err *e)
{
    struct signatures found = {0};

    *list = NULL;
    *n = 0;
    if (ask_blkid(bd, range, &found, e) < 0 || find_btrfs(bd, range, &found, e) < 0 ||
        find_zfs(bd, range, &found, e) < 0) {
        free(found.list);
        return -1;
    }
    if (found.n > 0)
        qsort(found.list, found.n, sizeof(*found.list), by_offset);
    *list = found.list;
    *n = found.n;
    return 0;
}

static int wipe_between(struct blockdev *bd, struct extent range,
                        const struct probe_signature *list, size_t n, struct extent where,
                        struct err *e)
{
    static const char zeros[512];

    for (size_t i = 0; i < n; i++) {
        struct extent magic = {list[i].offset, list[i].bytes};

        if (list[i].offset < where.start || list[i].offset >= extent_end(&where))
            continue;
        if (magic.bytes > sizeof(zeros) || extent_end(&magic) > range.bytes)
            return err_set(e, ERR_FAILED, "%s: a signature at %llu is not in its range",
                           list[i].name, (unsigned long long)list[i].offset);
        if (blockdev_pwrite(bd, zeros, (size_t)magic.bytes, range.start + magic.start, e) < 0)
            return -1;
    }
    return blockdev_flush(bd, e);
}

int probe_wipe(struct blockdev *bd, struct extent range, const struct probe_signature *list,
               size_t n, struct err *e)
{
    struct extent first = {0, FIRST_COPIES}, behind = {FIRST_COPIES, range.bytes};

    if (wipe_between(bd, range, list, n, behind, e) < 0)
        return -1;
    return wipe_between(bd, range, list, n, first, e);
}
