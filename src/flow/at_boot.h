// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * at_boot.h: work on a disk that cannot be done while the system on it runs: it is planned now, and
 * done at the next start of the machine, by berth itself in an initramfs.
 *
 * The ESP gets the running kernel and an initramfs with berth, the filesystem's tools and the
 * kernel's modules; the record says what is to be done (record_work), and the menu has an entry for
 * it, which boots once. It does the same command that a person would give, writes what came of it
 * into the record, and restarts the machine. While the partition is neither the old nor the new one
 * - after a power cut - its system is held and the menu boots the work again, until it is done: the
 * normal system boots whenever it can be booted.
 *
 * A cut while it is scheduled leaves files that nothing names, or a `next` that names no entry; the
 * commit of the record is what makes it count.
 */
#ifndef BERTH_FLOW_AT_BOOT_H
#define BERTH_FLOW_AT_BOOT_H

#include "apply/apply.h"
#include "core/strings.h"

/* Whether the next boot would have what the plan's steps take: the filesystems' tools, which go
 * into its initramfs, and the kernel's part of one that has to be mounted. ERR_REFUSED with the way
 * out. */
int at_boot_check(const struct plan *plan, struct err *e);

/* Schedules the command `argv` (without its disk: "part", "resize", PART, ...) in the place of any
 * other work. job: its plan, made as if nothing were mounted. ERR_REFUSED with the way out where
 * the machine does not boot by this disk's menu, ERR_NO_SPACE when the ESP has no room: both before
 * any write. */
int at_boot_schedule(const struct job *job, const struct strings *argv, struct ui *ui,
                     struct err *e);

/* Takes scheduled work, or the note of what came of it, off the menu and the ESP. ERR_NOT_FOUND
 * when there is none, ERR_REFUSED when it is half done. */
int at_boot_cancel(const char *disk, struct err *e);

/* In the initramfs, before and after the work. begin: 0 when there is nothing to do (it was done,
 * cancelled, or begun too often for nothing), 1 when there is. end: what came of it, NULL for
 * success; makes the normal system boot again wherever that can be. */
int at_boot_begin(const char *disk, struct err *e);
int at_boot_end(const char *disk, const char *failure, struct err *e);

#endif
