// SPDX-License-Identifier: GPL-3.0-or-later
/* holder.h: who uses a block device or an image file, in words, as the kernel tells it. */
#ifndef BERTH_BLOCK_HOLDER_H
#define BERTH_BLOCK_HOLDER_H

#include "core/err.h"
#include "model/extent.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

struct holder {
    char *text;       /* "mounted on /", "held by the LVM volume vg0-root (dm-0)"; NULL: nobody */
    char *mountpoint; /* where it is mounted, or NULL */
    char *release;    /* the command that ends it, or NULL */
};

/* What the kernel does with a disk or partition: mounts, swap, what is stacked on it
 * (device-mapper, MD, bcache, btrfs over several devices), loop devices that show it. An attribute
 * of sysfs that cannot be read says nothing. */
int holder_of_device(dev_t device, struct holder *holder, struct err *e);

/* The same for an image file: loop devices that show it, swap on it. */
int holder_of_file(const struct stat *file, struct holder *holder, struct err *e);

/* loop.c: who uses the loop devices that show what st is, a file or a block device: what is mounted
 * through one of them or through a partition that the kernel finds there, else the loop device
 * itself. range: of it, in bytes, that has to be shown; a loop device that shows all of it and is
 * not used is no holder of a range then. NULL: any. */
int holder_loop(const struct stat *st, const struct extent *range, struct holder *holder,
                struct err *e);

/* True when a loop device shows any of what st is. */
bool holder_has_loop(const struct stat *st);

/* True when the path names what st is: the same file, or a node of the same block device. */
bool holder_names(const char *path, const struct stat *st);

/* For a device that O_EXCL says is busy while holder_of_device knows of nobody: the process that
 * has it open, or that sees it mounted in its own mount namespace. Slow: looks at every process.
 * Always finds words. */
int holder_elsewhere(dev_t device, struct holder *holder, struct err *e);

/* What is stacked on the device of that folder of sysfs, from its "holders": "held by the RAID
 * md0". */
int holder_stacked(const char *folder, struct holder *holder, struct err *e);

void holder_clear(struct holder *holder);

#define _cleanup_holder_ __attribute__((cleanup(holder_clear)))

#endif
