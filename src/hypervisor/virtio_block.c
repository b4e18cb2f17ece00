// SPDX-License-Identifier: GPL-3.0-or-later
/* virtio_block.c: requests, one after the other, to the disk. Source: VIRTIO 1.2, 5.2. */
#include "hypervisor/virtio_block.h"
#include "hypervisor/virtio.h"

#include <endian.h>
#include <linux/virtio_blk.h>
#include <string.h>

#define SECTOR          512 /* the unit of the protocol, whatever the disk's is */
#define SEGMENTS        (QUEUE_MAX - 2)
#define DISCARD_SECTORS (1U << 21) /* of one range: 1 GiB; the sandbox takes less than 2 */
#define DISCARD_RANGES  16
#define STATUS_BYTES    1

static const char serial_number[VIRTIO_BLK_ID_BYTES] = "berth";

static uint64_t features(const void *device)
{
    (void)device;
    return 1ULL << VIRTIO_BLK_F_SEG_MAX | 1ULL << VIRTIO_BLK_F_BLK_SIZE |
           1ULL << VIRTIO_BLK_F_FLUSH | 1ULL << VIRTIO_BLK_F_DISCARD |
           1ULL << VIRTIO_BLK_F_WRITE_ZEROES;
}

static void config(const void *device, uint8_t *bytes)
{
    const struct virtio_block *block = device;
    struct virtio_blk_config c = {
        .capacity = htole64(block->storage.bytes / SECTOR),
        .seg_max = htole32(SEGMENTS),
        .blk_size = htole32(block->storage.sector),
        .max_discard_sectors = htole32(DISCARD_SECTORS),
        .max_discard_seg = htole32(DISCARD_RANGES),
        .discard_sector_alignment = htole32(block->storage.sector / SECTOR),
        .max_write_zeroes_sectors = htole32(DISCARD_SECTORS),
        .max_write_zeroes_seg = htole32(DISCARD_RANGES),
        .write_zeroes_may_unmap = 1,
    };

    memcpy(bytes, &c, sizeof(c));
}

/* Reads or writes n segments from `offset` on; segments that follow each other in memory go
 * together. */
static bool transfer(struct storage *storage, uint64_t offset, const struct segment *segments,
                     unsigned n, bool write)
{
    for (unsigned i = 0; i < n;) {
        uint8_t *data = segments[i].data;
        uint64_t bytes = segments[i].bytes;

        while (++i < n && segments[i].data == data + bytes)
            bytes += segments[i].bytes;
        if (write ? !storage_write(storage, offset, data, bytes)
                  : !storage_read(storage, offset, data, bytes))
            return false;
        offset += bytes;
    }
    return true;
}

/* Where a sector is, in bytes; one that cannot be named so is outside any disk. */
static uint64_t place(uint64_t sector)
{
    return sector > UINT64_MAX / SECTOR ? UINT64_MAX : sector * SECTOR;
}

static bool trim(struct storage *storage, struct chain *chain, bool zero)
{
    struct virtio_blk_discard_write_zeroes range;

    for (unsigned i = 0; i < DISCARD_RANGES && segments_bytes(chain_out(chain), chain->n_out) > 0;
         i++) {
        uint64_t start, bytes;

        if (!chain_take(chain, &range, sizeof(range)))
            return false;
        start = place(le64toh(range.sector));
        bytes = (uint64_t)le32toh(range.num_sectors) * SECTOR;
        if (le32toh(range.num_sectors) > DISCARD_SECTORS ||
            !(zero ? storage_zero(storage, start, bytes) : storage_discard(storage, start, bytes)))
            return false;
    }
    return segments_bytes(chain_out(chain), chain->n_out) == 0;
}

static uint8_t perform(struct storage *storage, uint32_t type, uint64_t sector, struct chain *chain)
{
    bool done;

    switch (type) {
    case VIRTIO_BLK_T_IN:
        done = transfer(storage, place(sector), chain_in(chain), chain->n_in, false);
        break;
    case VIRTIO_BLK_T_OUT:
        done = transfer(storage, place(sector), chain_out(chain), chain->n_out, true);
        break;
    case VIRTIO_BLK_T_FLUSH:
        done = storage_flush(storage);
        break;
    case VIRTIO_BLK_T_DISCARD:
        done = trim(storage, chain, false);
        break;
    case VIRTIO_BLK_T_WRITE_ZEROES:
        done = trim(storage, chain, true);
        break;
    case VIRTIO_BLK_T_GET_ID:
        done = chain_fill(chain, serial_number, sizeof(serial_number)) == sizeof(serial_number);
        break;
    default:
        return VIRTIO_BLK_S_UNSUPP;
    }
    return done ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR;
}

/* Returns -1 when the request has no header or no room for its status. */
static int serve_one(struct virtio *virtio, struct storage *storage, struct chain *chain)
{
    struct virtio_blk_outhdr header;
    uint8_t *status = chain_take_last(chain);
    uint64_t filled = segments_bytes(chain_in(chain), chain->n_in);

    if (status == NULL || !chain_take(chain, &header, sizeof(header)))
        return -1;
    *status = perform(storage, le32toh(header.type), le64toh(header.sector), chain);
    virtio_push(virtio, 0, chain, (uint32_t)filled + STATUS_BYTES);
    return 0;
}

static int serve(struct virtio *virtio, void *device, unsigned queue)
{
    struct virtio_block *block = device;
    struct chain chain;
    int got;

    while ((got = virtio_pop(virtio, queue, &chain)) > 0)
        if (serve_one(virtio, &block->storage, &chain) < 0)
            return -1;
    return got;
}

const struct virtio_ops virtio_block_ops = {
    .name = "block",
    .id = 2,
    .class_code = 0x018000, /* mass storage, other */
    .n_queues = 1,
    .config_bytes = sizeof(struct virtio_blk_config),
    .features = features,
    .config = config,
    .serve = serve,
};
