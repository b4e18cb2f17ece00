// SPDX-License-Identifier: GPL-3.0-or-later
/* populate.h: fills a partition with a system. */
#ifndef BERTH_IMAGES_POPULATE_H
#define BERTH_IMAGES_POPULATE_H

#include "block/blockdev.h"
#include "images/customize.h"

/* Writes the image's files, customised, into the fresh ext4 on the partition, and flushes. The
 * digest of what was read is compared at the end: ERR_VERIFY when it is not the image's, and then
 * the partition holds something that must not be used. Progress in bytes of the image's blob;
 * ERR_INTERRUPTED when cancelled. */
int populate(struct blockdev *partition, const struct image *image,
             const struct customize_input *input, struct ui *ui, struct err *e);

#endif
