// SPDX-License-Identifier: GPL-3.0-or-later
/* scan.h: reads a whole archive to know what it holds. */
#ifndef BERTH_IMAGES_SCAN_H
#define BERTH_IMAGES_SCAN_H

#include "core/ui.h"
#include "images/image.h"

/* Fills what the content of the archive at path (`shown` to people) says: family, os, version,
 * architecture, kernel, sizes, users, groups, time zones and the digest. The rest of *image is left
 * NULL and 0. ERR_UNSUPPORTED for what is no archive or holds no file. Progress in bytes of the
 * archive. Freed with image_free. */
int scan(const char *path, const char *shown, struct image *image, struct ui *ui, struct err *e);

#endif
