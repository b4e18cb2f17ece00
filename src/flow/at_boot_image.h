// SPDX-License-Identifier: GPL-3.0-or-later
/* at_boot_image.h: the initramfs in which berth does work at boot. For at_boot.c. */
#ifndef BERTH_FLOW_AT_BOOT_IMAGE_H
#define BERTH_FLOW_AT_BOOT_IMAGE_H

#include "core/strings.h"
#include "flow/apply.h"

/* Makes it from the running system: this program as /init, the tools for the filesystems that the
 * plan works on, and the kernel's modules that are loaded now. Returns a descriptor of a file in
 * memory, -1 on failure: ERR_NOT_FOUND names a tool that is not installed. */
int at_boot_image(const struct job *job, const struct strings *argv, struct err *e);

#endif
