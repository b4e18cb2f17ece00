// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * disk.c: the router. Every access is cut at the borders of the partitions that the kernel
 * knows, and each piece goes through the node that has it. Writes need a claim.
 */
#include "block/disk_private.h"
#include "block/file_sector.h"
#include "block/kernel_change.h"
#include "block/sysfs.h"
#include "core/cleanup.h"
#include "core/handover.h"
#include "core/shell.h"
#include "core/size.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

struct route *disk_route_at(struct disk *d, uint64_t offset, uint64_t *end)
{
    *end = d->bd.bytes;
    for (size_t i = 0; i < d->n_routes; i++) {
        struct route *r = &d->routes[i];

        if (kernel_shows_extended(&r->kernel, d->bd.sector))
            continue; /* its bytes are the chain of logical partitions: the whole disk's */
        if (r->kernel.range.start <= offset && offset < extent_end(&r->kernel.range)) {
            *end = extent_end(&r->kernel.range);
            return r;
        }
        if (r->kernel.range.start > offset && r->kernel.range.start < *end)
            *end = r->kernel.range.start;
    }
    return NULL;
}

/* The device that has the bytes at *offset, which becomes relative to it, for at most *n of them.
 */
static struct blockdev *target(struct disk *d, uint64_t *offset, uint64_t *n, struct err *e)
{
    uint64_t end;
    struct route *r = disk_route_at(d, *offset, &end);

    if (*n > end - *offset)
        *n = end - *offset;
    if (r == NULL)
        return d->whole;
    if (r->node == NULL)
        r->node = file_open(r->kernel.node, false, d->bd.sector, e);
    *offset -= r->kernel.range.start;
    return r->node;
}

static int check_allowed(struct disk *d, uint64_t offset, uint64_t n, struct err *e)
{
    uint64_t end = offset + n;
    bool moved = true;

    while (moved && offset < end) {
        moved = false;
        for (size_t i = 0; i < d->n_allowed; i++) {
            if (d->allowed[i].start <= offset && offset < extent_end(&d->allowed[i])) {
                offset = extent_end(&d->allowed[i]);
                moved = true;
            }
        }
    }
    if (offset >= end)
        return 0;
    return err_set(e, ERR_FAILED, "%s: a write at %llu, which was not claimed", d->path,
                   (unsigned long long)offset);
}

static int disk_pread(struct blockdev *bd, void *buf, size_t n, uint64_t offset, struct err *e)
{
    struct disk *d = (struct disk *)bd;

    while (n > 0) {
        uint64_t at = offset, part = n;
        struct blockdev *to = target(d, &at, &part, e);

        if (to == NULL || blockdev_pread(to, buf, (size_t)part, at, e) < 0)
            return -1;
        buf = (char *)buf + part;
        offset += part;
        n -= (size_t)part;
    }
    return 0;
}

static int disk_pwrite(struct blockdev *bd, const void *buf, size_t n, uint64_t offset,
                       struct err *e)
{
    struct disk *d = (struct disk *)bd;

    if (check_allowed(d, offset, n, e) < 0)
        return -1;
    while (n > 0) {
        uint64_t at = offset, part = n;
        struct blockdev *to = target(d, &at, &part, e);

        if (to == NULL || blockdev_pwrite(to, buf, (size_t)part, at, e) < 0)
            return -1;
        buf = (const char *)buf + part;
        offset += part;
        n -= (size_t)part;
    }
    return 0;
}

/* zero and discard differ only in what they call below. */
static int each_piece(struct disk *d, uint64_t offset, uint64_t bytes,
                      int (*call)(struct blockdev *, uint64_t, uint64_t, struct err *),
                      struct err *e)
{
    if (check_allowed(d, offset, bytes, e) < 0)
        return -1;
    while (bytes > 0) {
        uint64_t at = offset, part = bytes;
        struct blockdev *to = target(d, &at, &part, e);

        if (to == NULL || call(to, at, part, e) < 0)
            return -1;
        offset += part;
        bytes -= part;
    }
    return 0;
}

static int disk_zero(struct blockdev *bd, uint64_t offset, uint64_t bytes, struct err *e)
{
    return each_piece((struct disk *)bd, offset, bytes, blockdev_zero, e);
}

static int disk_discard(struct blockdev *bd, uint64_t offset, uint64_t bytes, struct err *e)
{
    return each_piece((struct disk *)bd, offset, bytes, blockdev_discard, e);
}

static int disk_flush(struct blockdev *bd, struct err *e)
{
    struct disk *d = (struct disk *)bd;

    for (size_t i = 0; i < d->n_routes; i++)
        if (d->routes[i].exclusive && blockdev_flush(d->routes[i].node, e) < 0)
            return -1;
    return blockdev_flush(d->whole, e);
}

static int disk_next_data(struct blockdev *bd, uint64_t offset, struct extent *data, struct err *e)
{
    struct disk *d = (struct disk *)bd;

    if (d->fd >= 0)
        return blockdev_next_data(d->whole, offset, data, e);
    *data = (struct extent){offset, bd->bytes - offset}; /* of one partition nobody knows holes */
    return 0;
}

static int disk_fd_extent(struct blockdev *bd, struct extent range, int *fd, uint64_t *start,
                          struct err *e)
{
    struct disk *d = (struct disk *)bd;
    struct extent in_node = range;
    uint64_t n = range.bytes;
    struct blockdev *to = target(d, &in_node.start, &n, e);

    if (to == NULL)
        return -1;
    /* More than one partition: who asks for that looks for what covers the disk as a whole. */
    return n < range.bytes ? blockdev_fd_extent(d->whole, range, fd, start, e)
                           : blockdev_fd_extent(to, in_node, fd, start, e);
}

static void disk_bd_close(struct blockdev *bd)
{
    disk_close((struct disk *)bd);
}

const struct blockdev_ops disk_ops = {
    .kind = "disk",
    .pread = disk_pread,
    .pwrite = disk_pwrite,
    .zero = disk_zero,
    .discard = disk_discard,
    .flush = disk_flush,
    .next_data = disk_next_data,
    .fd_extent = disk_fd_extent,
    .close = disk_bd_close,
};

static int not_a_disk(const struct disk *d, const char *what, struct err *e)
{
    err_set(e, ERR_USAGE, "%s is %s, not a disk", d->path, what);
    return err_hint(e, "name a whole disk such as /dev/sda, or an image file");
}

/* Finds out what the path is; a partition is not a disk. */
static int find_kind(struct disk *d, struct err *e)
{
    char folder[SYSFS_FOLDER];
    struct stat st;

    if (fstat(d->fd, &st) < 0)
        return err_errno(e, "%s", d->path);
    if (S_ISREG(st.st_mode))
        return 0;
    if (!S_ISBLK(st.st_mode))
        return not_a_disk(d, S_ISDIR(st.st_mode) ? "a folder" : "a special file", e);
    d->device = st.st_rdev;
    return sysfs_has(sysfs_folder(d->device, folder), "partition") ? not_a_disk(d, "a partition", e)
                                                                   : 0;
}

/* Read with sectors of another size its partitions would lie elsewhere, over each other's data. */
static int check_sector(const struct disk *d, unsigned wanted, struct err *e)
{
    unsigned shown = file_sector_against(d->fd, wanted);

    if (shown == 0)
        return 0;
    err_set(e, ERR_REFUSED, "%s: its partition table is made for sectors of %u bytes, not of %u",
            d->path, shown, wanted);
    return err_hint(e,
                    "leave the sector size out, or say %u; for sectors of %u bytes make a new "
                    "image",
                    shown, wanted);
}

/* A device's sectors are what they are. */
static int refuse_sector(const struct disk *d, unsigned wanted, unsigned sector, struct err *e)
{
    const struct shell_word path = shell_quote(d->path);

    err_set(e, ERR_REFUSED, "%s: this device has sectors of %u bytes, not of %u", d->path, sector,
            wanted);
    return err_hint(
        e,
        "leave the sector size out; `losetup --find --show --sector-size %u %s` makes a "
        "device of it that has the others",
        wanted, path.text);
}

static int find_sector(struct disk *d, unsigned wanted, unsigned *sector, struct err *e)
{
    bool certain = true;
    int bytes;

    if (d->device == 0 && wanted != 0) {
        *sector = wanted;
        return check_sector(d, wanted, e);
    }
    if (d->device == 0) {
        *sector = file_sector(d->fd, &certain);
        d->sector_guessed = !certain;
        return 0;
    }
    if (ioctl(d->fd, BLKSSZGET, &bytes) < 0)
        return err_errno(e, "%s: its sector size", d->path);
    *sector = (unsigned)bytes;
    return wanted == 0 || wanted == *sector ? 0 : refuse_sector(d, wanted, *sector, e);
}

int disk_load_routes(struct disk *d, struct err *e)
{
    _cleanup_free_ struct kernel_partition *list = NULL;
    struct route *routes;
    size_t n;

    if (d->device == 0)
        return 0;
    if (kernel_partitions(d->device, &list, &n, e) < 0)
        return -1;
    routes = calloc(n + 1, sizeof(*routes));
    if (routes == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < n; i++) {
        routes[i].kernel = list[i];
        for (size_t k = 0; k < d->n_routes; k++) {
            struct route *old = &d->routes[k];

            if (old->node != NULL && old->kernel.device == list[i].device &&
                old->kernel.range.start == list[i].range.start) {
                routes[i] = (struct route){list[i], old->node, old->exclusive};
                routes[i].node->bytes = list[i].range.bytes; /* the kernel resizes open nodes too */
                old->node = NULL;
            }
        }
    }
    for (size_t k = 0; k < d->n_routes; k++)
        blockdev_close(d->routes[k].node);
    free(d->routes);
    d->routes = routes;
    d->n_routes = n;
    return 0;
}

/* One open file description for access and locks: whoever is given the one holds the other. */
static struct blockdev *open_whole(const struct disk *d, unsigned sector, struct err *e)
{
    int fd = fcntl(d->fd, F_DUPFD_CLOEXEC, 0);

    if (fd >= 0)
        return file_from_fd(fd, d->path, sector, e);
    err_errno(e, "%s", d->path);
    return NULL;
}

/* Nothing can be read of it, nor be put there. */
static int check_size(const struct disk *d, unsigned sector, struct err *e)
{
    const struct shell_word word = shell_quote(d->path);
    char size[SIZE_TEXT];

    if (d->device != 0 || d->whole->bytes >= sector)
        return 0;
    if (d->whole->bytes == 0)
        err_set(e, ERR_USAGE, "%s is an empty file, and not a disk", d->path);
    else
        err_set(e, ERR_USAGE, "%s is a file of %s, less than one sector of a disk", d->path,
                size_human(d->whole->bytes, size, sizeof(size)));
    return err_hint(e,
                    "truncate --size=10G %s makes it a blank disk; where there is no file, "
                    "`berth part table %s gpt --size 10G` makes one",
                    word.text, word.text);
}

static int open_layers(struct disk *d, unsigned sector, struct err *e)
{
    const char *trace = getenv("BERTH_TRACE");

    if (find_kind(d, e) < 0 || find_sector(d, sector, &sector, e) < 0)
        return -1;
    d->whole = open_whole(d, sector, e);
    if (d->whole == NULL || check_size(d, sector, e) < 0)
        return -1;
    d->bd = (struct blockdev){&disk_ops, d->whole->bytes, sector, d->path};
    if (disk_load_routes(d, e) < 0)
        return -1;
    if (d->writable && d->device != 0) {
        device_identify(d->device, &d->identity);
        d->sequence = device_sequence(d->device);
    }
    if (d->writable && trace != NULL && *trace != '\0') {
        d->trace = trace_open(&d->bd, trace, e);
        if (d->trace == NULL)
            return -1;
    }
    return 0;
}

/* A socket cannot even be opened. */
static int cannot_open(const struct disk *d, struct err *e)
{
    int why = errno;
    struct stat st;

    if (why == ENXIO && stat(d->path, &st) == 0 && S_ISSOCK(st.st_mode))
        return not_a_disk(d, "a socket", e);
    errno = why;
    return err_errno(e, "%s", d->path);
}

struct disk *disk_open(const char *path, bool writable, unsigned sector, struct err *e)
{
    struct disk *d = calloc(1, sizeof(*d));

    if (d == NULL || (d->path = strdup(path)) == NULL) {
        free(d);
        err_no_memory(e);
        return NULL;
    }
    d->writable = writable;
    /* O_NONBLOCK: a FIFO must not wait for its other end; disks know nothing of it */
    d->fd = handover_open(path, (writable ? O_RDWR : O_RDONLY) | O_NONBLOCK);
    if (d->fd < 0) {
        cannot_open(d, e);
        disk_close(d);
        return NULL;
    }
    if (open_layers(d, sector, e) < 0) {
        disk_close(d);
        return NULL;
    }
    return d;
}

void disk_close(struct disk *disk)
{
    if (disk == NULL)
        return;
    blockdev_close(disk->trace);
    for (size_t i = 0; i < disk->n_routes; i++)
        blockdev_close(disk->routes[i].node);
    blockdev_close(disk->whole);
    disk_identity_clear(&disk->identity);
    cleanup_close(&disk->fd);
    free(disk->routes);
    free(disk->allowed);
    free(disk->path);
    free(disk);
}

void disk_cleanup(struct disk **disk)
{
    disk_close(*disk);
}

struct blockdev *disk_blockdev(struct disk *disk)
{
    return disk->trace != NULL ? disk->trace : &disk->bd;
}

bool disk_sector_is_guess(const struct disk *disk)
{
    return disk->sector_guessed;
}

bool disk_is_device(const struct disk *disk)
{
    return disk->device != 0;
}

dev_t disk_device(const struct disk *disk)
{
    return disk->device;
}

const char *disk_node(struct disk *disk, struct extent range, struct err *e)
{
    uint64_t end;
    const struct route *r = disk->device != 0 ? disk_route_at(disk, range.start, &end) : NULL;

    if (r != NULL && r->kernel.range.start == range.start)
        return r->kernel.node;
    err_set(e, ERR_NOT_FOUND, "%s: the kernel has no node for the partition", disk->path);
    return NULL;
}

void disk_unclaim(struct disk *disk, struct extent range)
{
    uint64_t end;
    struct route *r = disk->device != 0 ? disk_route_at(disk, range.start, &end) : NULL;

    if (r == NULL || !r->exclusive)
        return;
    blockdev_close(r->node);
    r->node = NULL;
    r->exclusive = false;
}
