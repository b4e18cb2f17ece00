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

#include <stdbool.h>
#include <sys/types.h>

struct disk;

struct disk_identity {
    char *model, *serial, *wwn; /* NULL where the device has none; all NULL for a file */
};

/* A partition as the table has it, for disk_update_kernel. */
struct disk_partition {
    unsigned number; /* from 1 */
    struct extent range;
};

/* Opens DISK. sector: of a file in bytes, 0: found out from its table (512 when there is none).
 * With BERTH_TRACE=FILE in the environment every change goes into that trace. ERR_NOT_FOUND,
 * ERR_USAGE for what is neither a file nor a whole disk. NULL on failure. */
struct disk *disk_open(const char *path, bool writable, unsigned sector, struct err *e);
void disk_close(struct disk *disk); /* gives up every claim; NULL is allowed */

#define _cleanup_disk_ __attribute__((cleanup(disk_cleanup)))
void disk_cleanup(struct disk **disk);

/* The disk's bytes; owned by the disk. */
struct blockdev *disk_blockdev(struct disk *disk);

bool disk_is_device(const struct disk *disk);

/* Fails with ERR_IN_USE when something that berth's claims do not stop uses an image file: a loop
 * device, a QEMU. Nothing to check on a device. */
int disk_check_users(struct disk *disk, struct err *e);

/* Takes a range for writing until the disk is closed: in a file by a lock on the range, on a device
 * by opening the partition's node O_EXCL, so that it cannot be mounted meanwhile; `what` names it
 * in messages. The range is one partition or less. ERR_IN_USE says who has it. */
int disk_claim(struct disk *disk, struct extent range, const char *what, struct err *e);

/* Allows writes to a range without excluding anybody: for what lies between partitions. */
int disk_allow(struct disk *disk, struct extent range, struct err *e);

/* Takes the partition table: flock on a device (as systemd-udevd does: it leaves the device alone
 * meanwhile), a lock on the file's first bytes otherwise. Until the disk is closed. */
int disk_lock_table(struct disk *disk, struct err *e);

/* True when another berth has claimed a part of the range of an image file. */
bool disk_range_is_claimed(struct disk *disk, struct extent range);

/* Tells the kernel what changed, partition by partition (BLKPG), and waits for the nodes. Does
 * nothing for a file. Partitions that are in use and did not change stay untouched. */
int disk_update_kernel(struct disk *disk, const struct disk_partition *partitions, size_t n,
                       struct err *e);

/* Who uses the partition at that range ("mounted on /"); *holder and *mountpoint are new or NULL.
 */
int disk_holder(struct disk *disk, struct extent range, char **holder, char **mountpoint,
                struct err *e);

/* identity.c: what a device says of itself; the strings are the caller's. */
void disk_identify(const struct disk *disk, struct disk_identity *identity);
void disk_identity_clear(struct disk_identity *identity);

/* The device number, 0 for a file. */
dev_t disk_device(const struct disk *disk);

/* The whole disk that the running root filesystem is on, a new string; ERR_NOT_FOUND when that is
 * not a partition of a disk. */
int disk_of_root(char **path, struct err *e);

#endif
