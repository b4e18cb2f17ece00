// SPDX-License-Identifier: GPL-3.0-or-later
/* module_index.h: modules.dep.bin, the form of modules.dep that kmod's modprobe reads. Pure. */
#ifndef BERTH_OS_MODULE_INDEX_H
#define BERTH_OS_MODULE_INDEX_H

#include "core/err.h"

#include <stddef.h>

/* Makes it from the text of modules.dep(5): a new buffer, the caller's. Lines that are none, and
 * names with characters that no module has, are left out. NULL only without memory.
 * Source: kmod, the comment on the file format in libkmod/libkmod-index.c. */
char *module_index_make(const char *dep, size_t *bytes, struct err *e);

#endif
