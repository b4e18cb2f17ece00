// SPDX-License-Identifier: GPL-3.0-or-later
/* at_boot_image.h: the initramfs in which berth does work at boot. For at_boot.c. */
#ifndef BERTH_FLOW_AT_BOOT_IMAGE_H
#define BERTH_FLOW_AT_BOOT_IMAGE_H

#include "apply/apply.h"
#include "core/strings.h"
#include "initramfs/host_kernel.h"

/* Makes it for the running kernel, with the modules that are loaded now and the tools for the
 * filesystems that the plan works on. Returns a descriptor of a file in memory, -1 on failure:
 * ERR_NOT_FOUND names a tool that is not installed. */
int at_boot_image(const struct job *job, const struct strings *argv,
                  const struct host_kernel *kernel, struct err *e);

#endif
