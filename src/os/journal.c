// SPDX-License-Identifier: GPL-3.0-or-later
/* journal.c: a few fields of superblocks; each kind of filesystem has a row. */
#include "os/journal.h"
#include "os/journal_xfs.h"

#include <endian.h>
#include <string.h>

#define SUPERBLOCK 512U /* bytes of one that are looked at */

typedef int journal_fn(struct blockdev *bd, const uint8_t *superblock, bool *needs, struct err *e);

static int ext_needs(struct blockdev *bd, const uint8_t *superblock, bool *needs, struct err *e)
{
    uint32_t incompatible;

    (void)bd;
    (void)e;
    memcpy(&incompatible, superblock + 0x60, sizeof(incompatible));
    *needs = (le32toh(incompatible) & 0x4) != 0;
    return 0;
}

/* What fsync has promised since the last commit is in a tree of its own. */
static int btrfs_needs(struct blockdev *bd, const uint8_t *superblock, bool *needs, struct err *e)
{
    uint64_t log_root;

    (void)bd;
    (void)e;
    memcpy(&log_root, superblock + 0x60, sizeof(log_root));
    *needs = log_root != 0;
    return 0;
}

static const struct {
    uint64_t superblock; /* bytes from the start */
    size_t magic_at, magic_len;
    const char *magic;
    journal_fn *needs;
} kinds[] = {
    {1024, 0x38, 2, "\x53\xef", ext_needs},
    {65536, 0x40, 8, "_BHRfS_M", btrfs_needs},
    {0, 0, 4, "XFSB", journal_xfs_needs_recovery},
};

int journal_needs_recovery(struct blockdev *root, bool *needs, struct err *e)
{
    uint8_t superblock[SUPERBLOCK];

    *needs = false;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (root->bytes < kinds[i].superblock + SUPERBLOCK)
            continue;
        if (blockdev_pread(root, superblock, SUPERBLOCK, kinds[i].superblock, e) < 0)
            return err_wrap(e, "looking at the journal");
        if (memcmp(superblock + kinds[i].magic_at, kinds[i].magic, kinds[i].magic_len) == 0)
            return kinds[i].needs(root, superblock, needs, e);
    }
    return 0;
}
