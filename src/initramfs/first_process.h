// SPDX-License-Identifier: GPL-3.0-or-later
/* first_process.h: berth as the first process of a machine, from an initramfs (work_image.h). */
#ifndef BERTH_INITRAMFS_FIRST_PROCESS_H
#define BERTH_INITRAMFS_FIRST_PROCESS_H

#include <stdint.h>

/* Mounts what the kernel offers, takes the console for its standard descriptors, and loads the
 * modules. What fails is said there, and does not keep the rest from being tried. */
void first_process_begin(void);

/* Writes everything out and ends: RB_AUTOBOOT, RB_POWER_OFF. */
_Noreturn void first_process_end(int how);

/* How many requests all disks have completed: that changes as long as they work. */
uint64_t first_process_traffic(void);

#endif
