// SPDX-License-Identifier: GPL-3.0-or-later
/* identity.h: what a device says of itself, and which one the running root is on. */
#ifndef BERTH_BLOCK_IDENTITY_H
#define BERTH_BLOCK_IDENTITY_H

#include "core/err.h"

#include <stdint.h>
#include <sys/types.h>

struct disk_identity {
    char *model, *serial, *wwn; /* NULL where the device has none; all NULL for a file */
};

/* The strings are the caller's. device: 0 for a file, of which nothing is known. */
void device_identify(dev_t device, struct disk_identity *identity);
void disk_identity_clear(struct disk_identity *identity);

/* The number that the kernel gave the device when it appeared ("diskseq"), 0 where it keeps none.
 */
uint64_t device_sequence(dev_t device);

/* The whole disk that the running root filesystem is on, a new string; ERR_NOT_FOUND when that is
 * not a partition of a disk. */
int disk_of_root(char **path, struct err *e);

#endif
