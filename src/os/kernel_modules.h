// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * kernel_modules.h: which of a kernel's modules another start of it needs to reach its disks, in
 * the order in which they load. Pure: texts in, paths out.
 */
#ifndef BERTH_OS_KERNEL_MODULES_H
#define BERTH_OS_KERNEL_MODULES_H

#include "core/strings.h"

#include <stdbool.h>

#define KERNEL_MODULE_NAME 64 /* bytes of a name with its end; the kernel's have 56 */

/* The name of the module in that file ("kernel/drivers/block/virtio-blk.ko.xz: ..." is that of
 * virtio_blk; a path ends at a colon, a blank or a line's end); false when no module has it. */
bool kernel_module_name(const char *path, char name[KERNEL_MODULE_NAME]);

/* True when the text of modules.dep or modules.builtin has the module ("virtio_blk"). */
bool kernel_modules_list(const char *text, const char *module);

/*
 * loaded: the text of /proc/modules, the latest first. dep: that of modules.dep(5). Appends the
 * files of the loaded modules to `files`, as modules.dep names them (relative to its folder): each
 * behind those that it needs, and otherwise in the order in which they were loaded, since some need
 * others without saying so. What drives no disk and no filesystem (graphics, sound, networks ...)
 * is left out, unless another one needs it.
 */
int kernel_modules_order(const char *loaded, const char *dep, struct strings *files, struct err *e);

#endif
