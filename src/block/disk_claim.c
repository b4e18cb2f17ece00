// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_claim.c: who may write where on a disk, and who else uses it. */
#include "block/claim.h"
#include "block/disk_private.h"
#include "block/process.h"
#include "core/cleanup.h"
#include "core/handover.h"
#include "core/io.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

/* The bytes of a file that stand for its partition table; QEMU's lock bytes begin at 100. */
#define TABLE_LOCK ((struct extent){0, 100})
#define LOCKS_END  512 /* the first byte that is no lock of QEMU's */

static int refuse_holder(const char *what, const struct holder *holder, struct err *e)
{
    err_set(e, ERR_IN_USE, "%s is %s", what, holder->text);
    return holder->release == NULL ? -1 : err_hint(e, "%s", holder->release);
}

int disk_check_users(struct disk *disk, struct err *e)
{
    _cleanup_holder_ struct holder holder = {0};

    if (disk->device == 0)
        return claim_check_file_users(disk->fd, disk->path, e);
    if (holder_of_device(disk->device, &holder, e) < 0)
        return -1;
    if (holder.text != NULL)
        return refuse_holder(disk->path, &holder, e);
    if (disk->fd < 0)
        return 0; /* one that may not be opened: its partition is looked at when it is claimed */
    return claim_check_qemu(disk->fd, disk->path, e);
}

int disk_allow(struct disk *disk, struct extent range, struct err *e)
{
    struct extent *grown = realloc(disk->allowed, (disk->n_allowed + 1) * sizeof(*disk->allowed));

    if (grown == NULL)
        return err_no_memory(e);
    disk->allowed = grown;
    disk->allowed[disk->n_allowed++] = range;
    return 0;
}

/* O_EXCL alone does not see a loop device or a QEMU that shows the partition. */
int disk_open_exclusive(const struct route *r, const char *what, struct err *e)
{
    _cleanup_holder_ struct holder holder = {0};
    _cleanup_close_ int fd = -1;
    unsigned tries = 0;

    if (holder_of_device(r->kernel.device, &holder, e) < 0)
        return -1;
    if (holder.text != NULL)
        return refuse_holder(what, &holder, e);
    while ((fd = handover_open(r->kernel.node, O_RDWR | O_EXCL)) < 0 && errno == EBUSY &&
           claim_wait(&tries))
        ;
    if (fd < 0 && errno == EBUSY)
        return holder_elsewhere(r->kernel.device, &holder, e) < 0 ? -1
                                                                  : refuse_holder(what, &holder, e);
    if (fd < 0)
        return err_errno(e, "%s", what);
    if (claim_check_qemu(fd, what, e) < 0 || claim_keep_qemu_out(fd, what, e) < 0)
        return -1;
    return steal_fd(&fd);
}

static int claim_node(struct disk *d, struct route *r, const char *what, struct err *e)
{
    _cleanup_free_ char *name = NULL;
    int fd;

    if (r->exclusive)
        return 0;
    name = io_format(e, "%s (%s)", what, r->kernel.node);
    fd = name == NULL ? -1 : disk_open_exclusive(r, name, e);
    if (fd < 0)
        return -1;
    blockdev_close(r->node);
    r->node = file_from_fd(fd, r->kernel.node, d->bd.sector, e);
    r->exclusive = r->node != NULL;
    return r->node == NULL ? -1 : 0;
}

int disk_claim(struct disk *disk, struct extent range, const char *what, struct err *e)
{
    uint64_t end;
    struct route *r;

    if (disk->device == 0) {
        if (claim_lock_range(disk->fd, range, what, e) < 0 ||
            claim_keep_qemu_out(disk->fd, disk->path, e) < 0)
            return -1;
    } else {
        r = disk_route_at(disk, range.start, &end);
        if (extent_end(&range) > end)
            return err_set(e, ERR_FAILED, "%s is not what the kernel takes it for", what);
        if (r != NULL && claim_node(disk, r, what, e) < 0)
            return -1;
        if (disk->fd >= 0 && claim_keep_qemu_out(disk->fd, disk->path, e) < 0)
            return -1;
    }
    return disk_allow(disk, range, e);
}

/* One open file description of its own: whoever gets a copy gets no lock of the table with it. */
int disk_keep_qemu_out(struct disk *disk, int *fd, struct err *e)
{
    _cleanup_close_ int own = -1;

    *fd = -1;
    if (disk->device == 0 || disk->fd < 0)
        return 0;
    own = open(disk->path, O_RDONLY | O_CLOEXEC);
    if (own < 0)
        return err_errno(e, "%s", disk->path);
    if (claim_keep_qemu_out(own, disk->path, e) < 0)
        return -1;
    *fd = steal_fd(&own);
    return 0;
}

/* QEMU's lock bytes stay free: a lock on them would be taken for QEMU's. */
int disk_claim_file(struct disk *disk, bool share, const char *what, struct err *e)
{
    const struct extent whole = {0, disk->bd.bytes};
    const struct extent parts[] = {TABLE_LOCK, {LOCKS_END, INT64_MAX - LOCKS_END}};

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if ((share ? claim_share_range(disk->fd, parts[i], what, e)
                   : claim_lock_range(disk->fd, parts[i], what, e)) < 0)
            return -1;
    if (claim_keep_qemu_out(disk->fd, disk->path, e) < 0)
        return -1;
    return share ? 0 : disk_allow(disk, whole, e);
}

static int refuse_locked(struct disk *disk, struct err *e)
{
    _cleanup_free_ char *worker = NULL;
    struct err ignored;

    if (disk_worker(disk, &worker, &ignored) < 0 || worker == NULL)
        return err_set(e, ERR_IN_USE, "the partition table of %s is locked by another program",
                       disk->path);
    err_set(e, ERR_IN_USE, "a change of %s is %s", disk->path, worker);
    return err_hint(e, "wait until that has ended");
}

int disk_lock_table(struct disk *disk, struct err *e)
{
    unsigned tries = 0;

    if (disk->device == 0)
        return claim_lock_range(disk->fd, TABLE_LOCK, "the partition table", e);
    while (flock(disk->fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK)
            return err_errno(e, "locking %s", disk->path);
        if (!claim_wait(&tries))
            return refuse_locked(disk, e);
    }
    return 0;
}

/* Of a device, the table alone: only who opens a node O_EXCL learns that another one has. */
static bool is_claimed(struct disk *disk)
{
    if (disk->device == 0)
        return claim_range_is_locked(disk->fd, (struct extent){0, disk->bd.bytes});
    if (flock(disk->fd, LOCK_SH | LOCK_NB) < 0)
        return true;
    (void)flock(disk->fd, LOCK_UN);
    return false;
}

bool disk_await_claims(struct disk *disk)
{
    unsigned tries = 0;

    while (is_claimed(disk) && claim_wait(&tries))
        ;
    return tries > 0;
}

int disk_worker(struct disk *disk, char **worker, struct err *e)
{
    struct stat st;

    *worker = NULL;
    if (disk->device == 0 && !claim_range_is_locked(disk->fd, TABLE_LOCK))
        return 0;
    if (fstat(disk->fd, &st) < 0)
        return err_errno(e, "%s", disk->path);
    if (process_that_locks(&st, worker, e) < 0)
        return -1;
    if (*worker != NULL || disk->device != 0)
        return 0;
    *worker = io_format(e, "under way in another berth");
    return *worker == NULL ? -1 : 0;
}

bool disk_range_is_claimed(struct disk *disk, struct extent range)
{
    return disk->device == 0 && claim_range_is_locked(disk->fd, range);
}

/* A mount in another namespace, or a program with the node open O_EXCL, shows only when one tries
 * to do the same. Done on disks open for writing only: merely looking must not keep others out. */
static int try_exclusive(const struct route *r, struct holder *holder, struct err *e)
{
    _cleanup_close_ int fd = open(r->kernel.node, O_RDONLY | O_EXCL | O_CLOEXEC);

    return fd >= 0 || errno != EBUSY ? 0 : holder_elsewhere(r->kernel.device, holder, e);
}

/* Of a file: who has claimed a part of the range. */
static int find_claimer(const struct disk *disk, struct extent range, struct holder *holder,
                        struct err *e)
{
    struct stat st;

    if (fstat(disk->fd, &st) < 0)
        return err_errno(e, "%s", disk->path);
    if (process_that_claims(&st, range, &holder->text, e) < 0)
        return -1;
    if (holder->text == NULL)
        holder->text = io_format(e, "in use by another berth");
    return holder->text == NULL ? -1 : 0;
}

/* Through a loop device over all of the disk, or over a part of it. */
static int find_loop_user(struct disk *disk, struct extent range, struct holder *holder,
                          struct err *e)
{
    struct stat st;

    if (disk->fd < 0 || disk->loops == LOOPS_NONE)
        return 0;
    if (fstat(disk->fd, &st) < 0)
        return err_errno(e, "%s", disk->path);
    if (disk->loops == LOOPS_UNKNOWN)
        disk->loops = holder_has_loop(&st) ? LOOPS_SOME : LOOPS_NONE;
    if (disk->loops == LOOPS_NONE || holder_loop(&st, &range, holder, e) < 0)
        return disk->loops == LOOPS_NONE ? 0 : -1;
    free(steal(holder->mountpoint));
    return 0;
}

/* By the node that the kernel has for the partition. */
static int find_node_user(struct disk *disk, const struct route *r, struct holder *holder,
                          struct err *e)
{
    if (holder_of_device(r->kernel.device, holder, e) < 0)
        return -1;
    return holder->text == NULL && disk->writable && !r->exclusive ? try_exclusive(r, holder, e)
                                                                   : 0;
}

int disk_holder(struct disk *disk, struct extent range, struct holder *holder, struct err *e)
{
    uint64_t end;
    const struct route *r = disk->device == 0 ? NULL : disk_route_at(disk, range.start, &end);
    int result = 0;

    *holder = (struct holder){0};
    if (disk_range_is_claimed(disk, range))
        result = find_claimer(disk, range, holder, e);
    else if (r != NULL)
        result = find_node_user(disk, r, holder, e);
    if (result == 0 && holder->text == NULL)
        result = find_loop_user(disk, range, holder, e);
    if (result < 0)
        holder_clear(holder);
    return result;
}
