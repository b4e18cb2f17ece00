// SPDX-License-Identifier: GPL-3.0-or-later
/* verify.h: whether an image's bytes are still those that were added. */
#ifndef BERTH_IMAGES_VERIFY_H
#define BERTH_IMAGES_VERIFY_H

#include "core/ui.h"
#include "images/image.h"

/* Reads the whole blob. ERR_VERIFY when its digest is another. Progress in bytes of the blob. */
int image_verify(const struct image *image, struct ui *ui, struct err *e);

#endif
