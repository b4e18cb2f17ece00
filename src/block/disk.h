// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * disk.h: a whole disk, a file or a device, as one blockdev that is safe to use live.
 *
 * On a device the bytes of a partition the kernel knows go through that partition's own node, all
 * others through the whole disk's: the page caches of the two are not coherent. The whole disk is
 * never opened O_EXCL (it is busy whenever anything is mounted); what is written is claimed, range
 * by range. A write outside every claim fails: that is the last guard of "bytes outside the plan
 * never change".
 */
#ifndef BERTH_BLOCK_DISK_H
#define BERTH_BLOCK_DISK_H

#include "block/blockdev.h"
#include "block/holder.h"
#include "block/identity.h"

#include <stdbool.h>
#include <sys/types.h>

struct disk;

/* A partition as the table has it, for disk_update_kernel. */
struct disk_partition {
    unsigned number; /* from 1 */
    struct extent range;
    bool extended; /* of an MBR: the kernel shows only the beginning of it, and it holds no data */
};

/* Opens DISK. sector: in bytes, 0: found out (block/file_sector.h). ERR_REFUSED when a file's table
 * shows another one, or a device has another one. With BERTH_TRACE=FILE in the environment every
 * change goes into that trace. ERR_NOT_FOUND, ERR_USAGE for what is neither a
 * file nor a whole disk. NULL on failure. */
struct disk *disk_open(const char *path, bool writable, unsigned sector, struct err *e);
/* Opens, for writing, the disk that a partition is on, for somebody who may have no more of it than
 * that partition: everything else reads as zeros. Only its number can be claimed. ERR_USAGE for
 * what is no partition's node. */
struct disk *disk_open_partition(const char *node, unsigned *number, struct err *e);

bool disk_is_one_partition(const struct disk *disk); /* opened by disk_open_partition */

/* The path that the node of the whole disk has where it has one, of a disk that disk_open_partition
 * has opened; a new string. */
char *disk_of_partition(const struct disk *partition, struct err *e);

/* True when this process may read all of it: the node at that path, and those of its partitions. In
 * a container there may be the one partition's alone. */
bool disk_may_be_read(const struct disk *partition, const char *path);

/* The device numbers of the partitions that the kernel knows, from i = 0 on; 0 behind the last. */
dev_t disk_partition_device(const struct disk *disk, size_t i);

/* Where the kernel has the partition of that number; false when it has none. */
bool disk_partition_range(const struct disk *disk, unsigned number, struct extent *range);

void disk_close(struct disk *disk); /* gives up every claim; NULL is allowed */

#define _cleanup_disk_ __attribute__((cleanup(disk_cleanup)))
void disk_cleanup(struct disk **disk);

/* The disk's bytes; owned by the disk. */
struct blockdev *disk_blockdev(struct disk *disk);

bool disk_is_device(const struct disk *disk);

/* disk_missing.c: True for the path of an image file that is still to be made: there is nothing, or
 * an empty file, which is what a power cut leaves of one that was about to be made. The path of a
 * device that is gone is none. */
bool disk_is_missing(const char *path);

/* True for a file whose table does not show the size of its sectors, so that they were guessed. */
bool disk_sector_is_guess(const struct disk *disk);

/* Fails with ERR_IN_USE, naming who, when the disk as a whole is used in a way that berth's claims
 * do not stop: a loop device or a QEMU that shows it, swap, a volume group, RAID or mapping over
 * all of it. What uses a partition shows when that is claimed. */
int disk_check_users(struct disk *disk, struct err *e);

/* Takes a range for writing until the disk is closed: in a file by a lock on the range, on a device
 * by opening the partition's node O_EXCL, so that it cannot be mounted meanwhile; `what` names it
 * in messages. The range is one partition or less. ERR_IN_USE says who still has it after a second
 * (claim_wait). */
int disk_claim(struct disk *disk, struct extent range, const char *what, struct err *e);

/* Until the last copy of *fd is closed, no QEMU opens the whole device for writing. *fd is -1 for a
 * file, where the claims do that, and for one partition, where nobody can. ERR_IN_USE when a QEMU
 * writes to it already. */
int disk_keep_qemu_out(struct disk *disk, int *fd, struct err *e);

/* Takes all of an image file until the disk is closed: its table, and everything else; to share it
 * is for who only reads, and keeps out who would write. ERR_IN_USE. */
int disk_claim_file(struct disk *disk, bool share, const char *what, struct err *e);

/* Lets the kernel mount a claimed partition of a device, until it is claimed again; writes to it
 * stay allowed. Does nothing for a file. */
void disk_unclaim(struct disk *disk, struct extent range);

/* Allows writes to a range without excluding anybody: for what lies between partitions. */
int disk_allow(struct disk *disk, struct extent range, struct err *e);

/* Takes the partition table: flock on a device (as systemd-udevd does: it leaves the device alone
 * meanwhile), a lock on the file's first bytes otherwise. Until the disk is closed. */
int disk_lock_table(struct disk *disk, struct err *e);

/* When another berth has claims on the disk, of which this one has none: waits for up to a second
 * until it has no more. True when it waited: what was seen before may be over. */
bool disk_await_claims(struct disk *disk);

/* Who has taken the partition table, and so works on the disk: "under way in berth (process 812)",
 * new; NULL when nobody has, as far as that is seen. */
int disk_worker(struct disk *disk, char **worker, struct err *e);

/* True when another berth has claimed a part of the range of an image file. */
bool disk_range_is_claimed(struct disk *disk, struct extent range);

/* Fails with ERR_IN_USE, naming who, when disk_update_kernel with the same list would: a partition
 * that is to go, to get another number or to shrink is in use, by others than this disk's claims.
 * To be asked before the table is written. */
int disk_check_update(struct disk *disk, const struct disk_partition *partitions, size_t n,
                      struct err *e);

/* The partition that starts where the range does may shrink to it though it is mounted: what is in
 * it is no larger any more. */
void disk_let_shrink(struct disk *disk, struct extent range);

/* Tells the kernel what changed, partition by partition (BLKPG), and waits for the nodes. Does
 * nothing for a file. What did not change stays untouched, and what only grew is resized: both may
 * be in use. A claimed partition that is resized stays claimed. */
int disk_update_kernel(struct disk *disk, const struct disk_partition *partitions, size_t n,
                       struct err *e);

/* Who uses the partition at that range ("mounted on /"), be it through a loop device that shows it;
 * holder_clear frees what is filled in. Where it is mounted is told of its own node only. */
int disk_holder(struct disk *disk, struct extent range, struct holder *holder, struct err *e);

/* Fails with ERR_REFUSED unless the open device is still the one it was when it was opened: same
 * serial, WWN and size, and the kernel still has it under its path. For a file: same size. */
int disk_same_device(struct disk *disk, struct err *e);

/* The kernel's node of the partition at that range, owned by the disk; NULL with the err filled
 * when there is none (a file has none). */
const char *disk_node(struct disk *disk, struct extent range, struct err *e);

/* The device number, 0 for a file. */
dev_t disk_device(const struct disk *disk);

#endif
