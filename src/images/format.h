// SPDX-License-Identifier: GPL-3.0-or-later
/* format.h: tells what kind of file an image comes in. */
#ifndef BERTH_IMAGES_FORMAT_H
#define BERTH_IMAGES_FORMAT_H

#include "core/err.h"

/* Refuses (ERR_UNSUPPORTED) a file whose format is known and cannot be read yet, by the format's
 * name. Everything else passes: whether it is an archive shows when it is read. */
int format_check(const char *path, struct err *e);

#endif
