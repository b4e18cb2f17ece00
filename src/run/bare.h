// SPDX-License-Identifier: GPL-3.0-or-later
/* bare.h: a kernel of its own file, which belongs to no installed system: what it is run with, and
 * the image file that is its disk. */
#ifndef BERTH_RUN_BARE_H
#define BERTH_RUN_BARE_H

#include "block/disk.h"
#include "core/err.h"
#include "hypervisor/storage.h"
#include "run/boot_reader.h"

struct bare {
    const char *kernel, *initrd; /* files; initrd NULL: none */
    const char *append;          /* the kernel's command line; NULL: console=ttyS0 */
    const char *disk;            /* an image file; NULL: none */
    unsigned sector;             /* bytes, of that file; 0: what it shows, else 512 */
    bool read_only;              /* the disk */
};

/* Fails unless the kernel is of a kind that boots: ERR_UNSUPPORTED, ERR_NOT_FOUND. Then copies both
 * files, so that nothing changes under the engine; at most 256 MiB and 1 GiB. Closed with
 * boot_files_close. */
int bare_read(const struct bare *bare, struct boot_files *files, struct err *e);

/* Opens the disk and takes all of it: for itself, or when it is only read together with others that
 * only read. ERR_IN_USE says who has it, ERR_UNSUPPORTED for what is no image file. */
struct disk *bare_claim(const struct bare *bare, struct err *e);

/* The disk as one range of the descriptor behind it. Returns 1, -1 on failure. */
int bare_ranges(struct disk *disk, struct storage_range *range, struct err *e);

#endif
