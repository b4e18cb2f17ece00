// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * zfs.c: four labels of 256 KiB, two at each end of the device. A label's first half is the
 * description of the pool, with a checksum at its end; the second half is a ring of uberblocks. All
 * of it is in the byte order of the machine that wrote it.
 */
#include "fs/zfs.h"
#include "core/cleanup.h"
#include "core/size.h"

#include <string.h>

#define LABELS          4
#define LABEL           (256 * KIB)
#define RING            (128 * KIB) /* where in a label the ring is, and how long */
#define UBERBLOCK_LEAST KIB
#define UBERBLOCK_MAGIC UINT64_C(0x00bab10c)
#define CHECKSUM_MAGIC  UINT64_C(0x0210da7ab10c7a11) /* zio_eck_t, 40 bytes, ends the first half */
#define CHECKSUM_AT     (RING - 40)

/* Where the labels start in the range; false when it is too small for them. */
static bool label_places(struct extent range, uint64_t places[LABELS])
{
    uint64_t end = range.bytes / LABEL * LABEL;

    places[0] = 0;
    places[1] = LABEL;
    places[2] = end - 2 * LABEL;
    places[3] = end - LABEL;
    return end >= LABELS * LABEL;
}

static bool is_magic(const unsigned char *bytes, uint64_t magic)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof(word));
    return word == magic || word == __builtin_bswap64(magic);
}

int zfs_is_labelled(struct blockdev *bd, struct extent range, struct err *e)
{
    uint64_t places[LABELS];
    unsigned char bytes[8];

    if (!label_places(range, places))
        return 0;
    for (int i = 0; i < LABELS; i++) {
        if (blockdev_pread(bd, bytes, sizeof(bytes), range.start + places[i] + CHECKSUM_AT, e) < 0)
            return -1;
        if (is_magic(bytes, CHECKSUM_MAGIC))
            return 1;
    }
    return 0;
}

int zfs_uberblocks(struct blockdev *bd, struct extent range, uint64_t **places, size_t *n,
                   struct err *e)
{
    _cleanup_free_ unsigned char *ring = malloc(RING);
    _cleanup_free_ uint64_t *found = calloc(LABELS * RING / UBERBLOCK_LEAST, sizeof(*found));
    uint64_t labels[LABELS];

    *places = NULL;
    *n = 0;
    if (ring == NULL || found == NULL)
        return err_no_memory(e);
    for (int i = 0; i < LABELS && label_places(range, labels); i++) {
        if (blockdev_pread(bd, ring, RING, range.start + labels[i] + RING, e) < 0)
            return -1;
        for (size_t at = 0; at < RING; at += UBERBLOCK_LEAST)
            if (is_magic(ring + at, UBERBLOCK_MAGIC))
                found[(*n)++] = labels[i] + RING + at;
    }
    *places = steal(found);
    return 0;
}
