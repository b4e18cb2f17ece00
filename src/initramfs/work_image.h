// SPDX-License-Identifier: GPL-3.0-or-later
/* work_image.h: an initramfs in which berth is the first process and does one piece of work: at the
 * next boot (at_boot.h), or in a virtual machine (appliance.h). */
#ifndef BERTH_INITRAMFS_WORK_IMAGE_H
#define BERTH_INITRAMFS_WORK_IMAGE_H

#include "core/strings.h"
#include "initramfs/host_kernel.h"

struct work_image {
    const struct host_kernel *kernel; /* the one that boots it */
    const char *modules;      /* of that kernel, as /proc/modules has them: last one first */
    const struct strings *fs; /* the filesystems whose tools are in it ("ext4") */
    bool devices;             /* with what berth needs to see who uses a disk */
    const char *file, *text;  /* what berth is told in it, and where */
};

/* Makes it: this program as /init, the tools, the modules and the text. Returns a descriptor of a
 * file in memory, -1 on failure: ERR_NOT_FOUND names a tool that is not installed. */
int work_image_make(const struct work_image *image, struct err *e);

/* Fails as work_image_make would for want of a filesystem's tools. */
int work_image_check_tools(const char *fs, struct err *e);

#endif
