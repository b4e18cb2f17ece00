// SPDX-License-Identifier: GPL-3.0-or-later
/* host_kernel.h: the kernels of the machine that berth runs on, as files: /boot/vmlinuz-VERSION and
 * the modules in /lib/modules/VERSION. */
#ifndef BERTH_INITRAMFS_HOST_KERNEL_H
#define BERTH_INITRAMFS_HOST_KERNEL_H

#include "core/err.h"

#include <stdbool.h>

#define HOST_KERNEL_PATH 320

struct host_kernel {
    char version[256];
    char file[HOST_KERNEL_PATH];    /* the kernel's; need not exist */
    char modules[HOST_KERNEL_PATH]; /* their folder; need not exist */
};

/* The one that runs. */
void host_kernel_running(struct host_kernel *kernel);

/* The newest one (os/newest_kernel.h) whose file may be read and whose modules are there.
 * ERR_NOT_FOUND when there is none, ERR_REFUSED when the only ones may not be read. */
int host_kernel_newest(struct host_kernel *kernel, struct err *e);

/* Returns a descriptor of its file. */
int host_kernel_open(const struct host_kernel *kernel, struct err *e);

/* The text of a file in the modules' folder ("modules.dep"), new; empty where there is none. NULL
 * with the err filled. */
char *host_kernel_text(const struct host_kernel *kernel, const char *name, struct err *e);

/* True when the kernel has it, built in or as a module: "virtio_blk". */
bool host_kernel_has(const struct host_kernel *kernel, const char *module);

#endif
