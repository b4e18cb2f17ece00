// SPDX-License-Identifier: GPL-3.0-or-later
/* journal.c: two fields of the ext superblock. */
#include "os/journal.h"

#include <endian.h>
#include <string.h>

#define SUPERBLOCK     1024U /* bytes from the start, and its size */
#define MAGIC_AT       0x38U
#define MAGIC          0xef53U
#define INCOMPAT_AT    0x60U
#define NEEDS_RECOVERY 0x4U

int journal_needs_recovery(struct blockdev *root, bool *needs, struct err *e)
{
    uint8_t superblock[SUPERBLOCK];
    uint16_t magic;
    uint32_t incompatible;

    *needs = false;
    if (root->bytes < 2 * SUPERBLOCK)
        return 0;
    if (blockdev_pread(root, superblock, sizeof(superblock), SUPERBLOCK, e) < 0)
        return err_wrap(e, "looking at the journal");
    memcpy(&magic, superblock + MAGIC_AT, sizeof(magic));
    memcpy(&incompatible, superblock + INCOMPAT_AT, sizeof(incompatible));
    *needs = le16toh(magic) == MAGIC && (le32toh(incompatible) & NEEDS_RECOVERY) != 0;
    return 0;
}
