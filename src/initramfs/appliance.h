// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * appliance.h: changes the size of a filesystem that can do so only while it is mounted, where the
 * host does not mount it for us: in a virtual machine that boots the host's newest kernel and an
 * initramfs with berth in it.
 *
 * The machine has one disk, which is the partition and nothing else, and no network. Its disk is
 * served by a jailed process, and QEMU is locked up, as for a guest (run.h). What it answers comes
 * from a kernel that has mounted somebody's filesystem, so it is believed only to be text.
 */
#ifndef BERTH_INITRAMFS_APPLIANCE_H
#define BERTH_INITRAMFS_APPLIANCE_H

#include "block/blockdev.h"
#include "core/ui.h"
#include "fs/fs.h"
#include "initramfs/host_kernel.h"

#define APPLIANCE_FILE "berth/appliance" /* in the initramfs: what is to be done */

/* Whether there is all that it needs for that filesystem ("btrfs"), and the kernel that it would
 * boot. ERR_REFUSED says what is missing, with the way out. */
int appliance_check(const char *fs, struct host_kernel *kernel, struct err *e);

/*
 * Does there what fs_resize_by_mount would do here. bd: the partition, claimed, whose descriptors
 * may be any that are open now. *settled, in case of a failure: the filesystem is not mounted there
 * any more, or never was; false: the machine broke off, and what it did may be in the filesystem's
 * own log for the next mount. ERR_REFUSED before anything was done, ERR_TOOL with what the machine
 * said, ERR_FAILED when it broke off.
 */
int appliance_resize(const struct fs_ops *fs, struct blockdev *bd, uint64_t bytes, bool *settled,
                     struct ui *ui, struct err *e);

/* In the machine: does it, says what came of it on the console, powers off. */
_Noreturn void appliance_main(void);

#endif
