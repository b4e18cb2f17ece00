// SPDX-License-Identifier: GPL-3.0-or-later
/* libmount.h: libmount, loaded when it is first asked who has mounted a device: an image file needs
 * none of it. */
#ifndef BERTH_BLOCK_LIBMOUNT_H
#define BERTH_BLOCK_LIBMOUNT_H

#include "core/err.h"

#include <libmount.h>

/* Its functions by their own names and types; see libmount's reference manual. */
struct libmount {
#define CALL(name) __typeof__(name) *name;
#include "block/libmount.def"
#undef CALL
};

extern struct libmount lm; /* filled by libmount_load */

#define LIBMOUNT "libmount.so.1"

/* As library_load. */
int libmount_load(struct err *e);

#endif
