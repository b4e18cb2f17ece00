// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fs_swap.c: swap areas. Nothing in one is worth keeping but its UUID and label, unless a
 * hibernated system sleeps in it: so its size changes by making it anew.
 */
#include "block/overlay.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "fs/fs_tool.h"
#include "os/hibernation.h"

#include <endian.h>
#include <string.h>

#define PAGE      4096U
#define LABEL_MAX 15
#define MIN_BYTES (10 * PAGE) /* what mkswap asks for */
#define MAX_BYTES ((uint64_t)UINT32_MAX * PAGE)

/* The first page (Linux include/linux/swap.h, union swap_header), of the size that amd64 has. */
struct header {
    uint8_t boot[1024];
    uint32_t version, last_page, bad_pages;
    uint8_t uuid[16];
    char label[16];
    uint8_t unused[PAGE - 1024 - 12 - 32 - 10];
    char signature[10];
} __attribute__((packed));

static int read_header(struct blockdev *bd, struct header *header, struct err *e)
{
    if (bd->bytes < PAGE)
        return err_set(e, ERR_VERIFY, "%s is too small for a swap area", bd->name);
    if (blockdev_pread(bd, header, sizeof(*header), 0, e) < 0)
        return -1;
    if (memcmp(header->signature, "SWAPSPACE2", sizeof(header->signature)) != 0 ||
        le32toh(header->version) != 1)
        return err_set(e, ERR_VERIFY, "%s: no swap area of this machine's kind", bd->name);
    return 0;
}

static uint64_t area_bytes(const struct header *header)
{
    return ((uint64_t)le32toh(header->last_page) + 1) * PAGE;
}

/* mkswap writes the UUID's text in the usual order; struct guid mixes it. */
static void guid_of(const uint8_t uuid[16], struct guid *guid)
{
    static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

    for (size_t i = 0; i < sizeof(order); i++)
        guid->bytes[i] = uuid[order[i]];
}

static int make(struct blockdev *bd, uint64_t bytes, const struct fs_options *options,
                struct err *e)
{
    char uuid[GUID_TEXT];
    const char *argv[] = {"mkswap", "--quiet", "--pagesize", "4096",         "--uuid",
                          uuid,     "--label", NULL,         fs_tool_device, NULL};

    if (bytes < MIN_BYTES)
        return fs_tool_too_small(bd, "swap", MIN_BYTES, e);
    if (fs_tool_label(options, "swap", LABEL_MAX, &argv[7], e) < 0)
        return -1;
    guid_print(&options->uuid, uuid);
    return fs_tool_make(bd, bytes < MAX_BYTES ? bytes : MAX_BYTES, argv, NULL, options, e);
}

static int swap_make(struct blockdev *bd, const struct fs_options *options, struct err *e)
{
    return make(bd, bd->bytes, options, e);
}

static int swap_ready(struct blockdev *bd, struct err *e)
{
    struct header header;
    bool hibernated;

    if (hibernation_in_swap(bd, &hibernated, e) < 0)
        return -1;
    if (!hibernated)
        return read_header(bd, &header, e);
    err_set(e, ERR_REFUSED, "%s: a hibernated system sleeps in it", bd->name);
    return err_hint(e, "start that system and shut it down");
}

static int swap_check(struct blockdev *bd, struct err *e)
{
    struct header header;

    if (read_header(bd, &header, e) < 0)
        return -1;
    if (area_bytes(&header) <= bd->bytes)
        return 0;
    return err_set(e, ERR_VERIFY, "%s: the swap area has %llu bytes, its partition only %llu",
                   bd->name, (unsigned long long)area_bytes(&header),
                   (unsigned long long)bd->bytes);
}

static int swap_bounds(struct blockdev *bd, struct fs_bounds *bounds, struct err *e)
{
    struct header header;

    if (read_header(bd, &header, e) < 0)
        return -1;
    *bounds = (struct fs_bounds){
        .now = area_bytes(&header), .least = MIN_BYTES, .most = MAX_BYTES, .unit = PAGE};
    return 0;
}

static int swap_resize(struct blockdev *overlay, uint64_t bytes, struct err *e)
{
    struct fs_options options = {0};
    char label[LABEL_MAX + 2] = {0};
    struct fs_bounds bounds;
    struct header header;

    if (swap_bounds(overlay, &bounds, e) < 0 || read_header(overlay, &header, e) < 0 ||
        fs_bounds_allow(overlay, &bounds, bytes, e) < 0 || overlay_cut(overlay, bytes, e) < 0)
        return -1;
    guid_of(header.uuid, &options.uuid);
    memcpy(label, header.label, LABEL_MAX);
    options.label = label;
    return make(overlay, bytes, &options, e);
}

/* Everything behind the header. */
static int swap_free_blocks(struct blockdev *bd, struct fs_free *free_blocks, struct err *e)
{
    struct fs_bounds bounds;
    size_t n;

    if (swap_check(bd, e) < 0 || swap_bounds(bd, &bounds, e) < 0)
        return -1;
    free_blocks->block = PAGE;
    free_blocks->blocks = bounds.now / PAGE;
    n = (size_t)(round_up(free_blocks->blocks, 8) / 8);
    free_blocks->bits = malloc(n);
    if (free_blocks->bits == NULL)
        return err_no_memory(e);
    memset(free_blocks->bits, 0xff, n);
    free_blocks->bits[0] &= 0xfe;
    return 0;
}

static const struct fs_program programs[] = {{"mkswap", "make, shrink, grow"}, {NULL, NULL}};

const struct fs_ops fs_swap_ops = {
    .name = "swap",
    .blkid = (const char *const[]){"swap", "swsuspend", NULL},
    .type = "swap",
    .package = "util-linux",
    .programs = programs,
    .new_uuid =
        (const char *const[]){"swaplabel --uuid \"$(cat /proc/sys/kernel/random/uuid)\"", NULL},
    .make = swap_make,
    .ready = swap_ready,
    .check = swap_check,
    .bounds = swap_bounds,
    .resize = swap_resize,
    .free_blocks = swap_free_blocks,
};
