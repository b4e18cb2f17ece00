// SPDX-License-Identifier: GPL-3.0-or-later
/* virtio_block.c: requests, one after the other, to the disk. Source: VIRTIO 1.2, 5.2. */
#include "hypervisor/virtio_block.h"
#include "hypervisor/virtio.h"

#include <endian.h>
#include <linux/virtio_blk.h>
#include <string.h>

#define SECTOR          512 /* the unit of the protocol, whatever the disk's is */
#define SEGMENTS        (QUEUE_MAX - 2)
#define SEGMENT_MAX     (1U << 20) /* bytes; others wait for a request, so none is larger than: */
#define REQUEST_MAX     ((uint64_t)SEGMENTS * SEGMENT_MAX)
#define DISCARD_SECTORS (1U << 21) /* of one range: 1 GiB; the sandbox takes less than 2 */
#define DISCARD_RANGES  16
#define ZERO_SECTORS    (1U << 18) /* of the one range: 128 MiB, since it may have to be written */
#define STATUS_BYTES    1
#define AHEAD           16 /* requests */
#define PACE_TURNS      64 /* of which so many are: */
#define PACE_TRIES      2

static const char serial_number[VIRTIO_BLK_ID_BYTES] = "berth";

static uint64_t features(const void *device)
{
    const struct virtio_block *block = device;
    const uint64_t changes = 1ULL << VIRTIO_BLK_F_FLUSH | 1ULL << VIRTIO_BLK_F_DISCARD |
                             1ULL << VIRTIO_BLK_F_WRITE_ZEROES;

    return 1ULL << VIRTIO_BLK_F_SIZE_MAX | 1ULL << VIRTIO_BLK_F_SEG_MAX |
           1ULL << VIRTIO_BLK_F_BLK_SIZE |
           (block->storage.read_only ? 1ULL << VIRTIO_BLK_F_RO : changes);
}

static void config(const void *device, uint8_t *bytes)
{
    const struct virtio_block *block = device;
    struct virtio_blk_config c = {
        .capacity = htole64(block->storage.bytes / SECTOR),
        .size_max = htole32(SEGMENT_MAX),
        .seg_max = htole32(SEGMENTS),
        .blk_size = htole32(block->storage.sector),
        .max_discard_sectors = htole32(DISCARD_SECTORS),
        .max_discard_seg = htole32(DISCARD_RANGES),
        .discard_sector_alignment = htole32(block->storage.sector / SECTOR),
        .max_write_zeroes_sectors = htole32(ZERO_SECTORS),
        .max_write_zeroes_seg = htole32(1),
        .write_zeroes_may_unmap = 1,
    };

    memcpy(bytes, &c, sizeof(c));
}

/* Segments that follow each other in memory become one; what the header and the status have left
 * empty goes. Returns how many are left. */
static unsigned join(struct segment *segments, unsigned n)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < n; i++) {
        struct segment *last = kept > 0 ? &segments[kept - 1] : NULL;

        if (segments[i].bytes == 0)
            continue;
        if (last != NULL && segments[i].data == last->data + last->bytes &&
            segments[i].bytes <= UINT32_MAX - last->bytes)
            last->bytes += segments[i].bytes;
        else
            segments[kept++] = segments[i];
    }
    return kept;
}

/* One request's way to the disk. */
struct transfer {
    struct virtio_block *block;
    uint64_t offset; /* of what comes next */
    bool write, direct;
};

static bool transfer_one(const struct transfer *t, const struct segment *segment)
{
    return storage_move(&t->block->storage, t->write, t->offset, segment->data, segment->bytes,
                        t->direct);
}

/* Small segments go by one call for all of them, through a buffer: a call for each costs more than
 * to copy, and one that takes a list of them hides from the sandbox how far it reaches in a file.
 */
static bool transfer_small(const struct transfer *t, const struct segment *segments, unsigned n)
{
    struct segment whole = {t->block->bounce, 0};

    for (unsigned i = 0; t->write && i < n; i++) {
        memcpy(whole.data + whole.bytes, segments[i].data, segments[i].bytes);
        whole.bytes += segments[i].bytes;
    }
    if (!t->write)
        whole.bytes = (uint32_t)segments_bytes(segments, n);
    if (!transfer_one(t, &whole))
        return false;
    for (unsigned i = 0; !t->write && i < n; i++) {
        memcpy(segments[i].data, whole.data, segments[i].bytes);
        whole.data += segments[i].bytes;
    }
    return true;
}

/* How many of the segments fit into the buffer together, one at least. */
static unsigned count_small(const struct segment *segments, unsigned n, uint64_t *bytes)
{
    unsigned count = 1;

    *bytes = segments[0].bytes;
    while (count < n && *bytes + segments[count].bytes <= VIRTIO_BLOCK_BOUNCE)
        *bytes += segments[count++].bytes;
    return count;
}

/* Whether the request is large and the disk takes every segment as it lies in memory. */
static bool goes_direct(uint64_t offset, const struct segment *segments, unsigned n)
{
    uint64_t places = offset;

    for (unsigned i = 0; i < n; i++)
        places |= (uintptr_t)segments[i].data | segments[i].bytes;
    return places % STORAGE_ALIGNED == 0 && segments_bytes(segments, n) >= STORAGE_LARGE;
}

static bool transfer_at_once(const struct transfer *t, const struct segment *segments, unsigned n)
{
    struct iovec places[SEGMENTS];

    for (unsigned i = 0; i < n; i++)
        places[i] = (struct iovec){segments[i].data, segments[i].bytes};
    return storage_at_once(&t->block->storage, t->write, t->offset, places, n,
                           segments_bytes(segments, n), t->direct);
}

/* Reads or writes n segments, SEGMENTS at most, from `offset` on. */
static bool transfer(struct virtio_block *block, uint64_t offset, struct segment *segments,
                     unsigned n, bool write)
{
    struct transfer t = {block, offset, write, false};
    uint64_t bytes;

    n = join(segments, n);
    t.direct = goes_direct(offset, segments, n);
    if (n > 1 && n <= SEGMENTS && transfer_at_once(&t, segments, n))
        return true;
    for (unsigned i = 0, count; i < n; i += count, t.offset += bytes) {
        count = count_small(segments + i, n - i, &bytes);
        if (count == 1 ? !transfer_one(&t, segments + i) : !transfer_small(&t, segments + i, count))
            return false;
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
    const uint32_t most = zero ? ZERO_SECTORS : DISCARD_SECTORS;
    struct virtio_blk_discard_write_zeroes range;

    for (unsigned left = zero ? 1 : DISCARD_RANGES;
         left > 0 && segments_bytes(chain_out(chain), chain->n_out) > 0; left--) {
        uint64_t start, bytes;

        if (!chain_take(chain, &range, sizeof(range)))
            return false;
        start = place(le64toh(range.sector));
        bytes = (uint64_t)le32toh(range.num_sectors) * SECTOR;
        if (le32toh(range.num_sectors) > most ||
            !(zero ? storage_zero(storage, start, bytes) : storage_discard(storage, start, bytes)))
            return false;
    }
    return segments_bytes(chain_out(chain), chain->n_out) == 0;
}

static uint8_t perform(struct virtio_block *block, uint32_t type, uint64_t sector,
                       struct chain *chain)
{
    struct storage *storage = &block->storage;
    bool done;

    if (segments_bytes(chain->segments, chain->n_out + chain->n_in) > REQUEST_MAX)
        return VIRTIO_BLK_S_IOERR;
    switch (type) {
    case VIRTIO_BLK_T_IN:
        done = transfer(block, place(sector), chain_in(chain), chain->n_in, false);
        break;
    case VIRTIO_BLK_T_OUT:
        done = transfer(block, place(sector), chain_out(chain), chain->n_out, true);
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
static int serve_one(struct virtio *virtio, struct virtio_block *block, struct chain *chain)
{
    struct virtio_blk_outhdr header;
    uint8_t *status = chain_take_last(chain);
    uint64_t filled = segments_bytes(chain_in(chain), chain->n_in);
    uint64_t bytes = filled + segments_bytes(chain_out(chain), chain->n_out);

    if (status == NULL || !chain_take(chain, &header, sizeof(header)))
        return -1;
    *status = perform(block, le32toh(header.type), le64toh(header.sector), chain);
    virtio_push(virtio, 0, chain, (uint32_t)filled + STATUS_BYTES);
    if (bytes >= STORAGE_LARGE)
        virtio_tell(virtio, 0); /* it took long, as will those behind it */
    return 0;
}

/* Where several requests wait, has the host begin with all that they read: so they wait for the
 * disk together and not one after the other. Returns how many it has looked at. */
static unsigned look_ahead(const struct virtio *virtio, const struct virtio_block *block)
{
    struct virtio_blk_outhdr header;
    struct chain chain;
    uint16_t n = 0;

    if (virtio_peek(virtio, 0, 1, &chain) <= 0)
        return 0;
    for (; n < AHEAD && virtio_peek(virtio, 0, n, &chain) > 0; n++)
        if (chain_take_last(&chain) != NULL && chain_take(&chain, &header, sizeof(header)) &&
            le32toh(header.type) == VIRTIO_BLK_T_IN)
            storage_expect(&block->storage, place(le64toh(header.sector)),
                           segments_bytes(chain_in(&chain), chain.n_in));
    return n;
}

/* So many requests were waiting together. A guest that shares its processor with us, and is
 * interrupted as soon as it says that there is one, cannot add a second: so every now and then it
 * is let go on, and as long as there are several then. */
static void set_pace(struct virtio_block *block, struct loop *loop, unsigned together)
{
    block->pace = together > 1 ? 0 : (block->pace + 1) % PACE_TURNS;
    loop_yield_to_guest(loop, block->pace < PACE_TRIES);
}

static int serve(struct virtio *virtio, void *device, unsigned queue)
{
    struct virtio_block *block = device;
    unsigned expected = 0; /* of the next requests, those that were looked at */
    unsigned together = 0;
    struct chain chain;
    int got;

    for (;; together++, expected -= expected > 0) {
        if (expected == 0)
            expected = look_ahead(virtio, block);
        if (together > 0 && virtio_peek(virtio, queue, 0, &chain) == 0) {
            set_pace(block, virtio->loop, together);
            virtio_linger(virtio, queue);
            together = 0;
        }
        got = virtio_pop(virtio, queue, &chain);
        if (got <= 0)
            return got;
        if (serve_one(virtio, block, &chain) < 0)
            return -1;
    }
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
