// SPDX-License-Identifier: GPL-3.0-or-later
/* bare.c: kernel, initrd and disk as the files they are. */
#include "run/bare.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>

#define HEADER_AT 0x202 /* "HdrS" (Linux Documentation/x86/boot.rst) */
#define HEADER    "HdrS"

/* ---- kernel and initrd ---- */

static int check_kernel(const struct boot_files *files, const char *path, struct err *e)
{
    char start[HEADER_AT + sizeof(HEADER) - 1] = {0};

    if (pread(files->kernel, start, sizeof(start), 0) < 0)
        return err_errno(e, "%s", path);
    if (memcmp(start, ELFMAG, SELFMAG) == 0 ||
        memcmp(start + HEADER_AT, HEADER, sizeof(HEADER) - 1) == 0)
        return 0;
    return err_set(e, ERR_UNSUPPORTED, "%s is no Linux kernel: neither a bzImage nor an ELF file",
                   path);
}

int bare_read(const struct bare *bare, struct boot_files *files, struct err *e)
{
    if (boot_files_copy(bare->kernel, bare->initrd, files, e) < 0)
        return -1;
    if (check_kernel(files, bare->kernel, e) == 0)
        return 0;
    boot_files_close(files);
    return -1;
}

/* ---- the disk ---- */

static int check_disk(struct disk *disk, const struct bare *bare, struct err *e)
{
    const struct blockdev *bd = disk_blockdev(disk);

    if (disk_is_device(disk))
        return err_set(e, ERR_UNSUPPORTED,
                       "--disk %s: with --kernel it is an image file, not a device", bare->disk);
    if (bd->bytes == 0 || bd->bytes % bd->sector != 0)
        return err_set(e, ERR_UNSUPPORTED,
                       "--disk %s: %llu bytes are no whole number of sectors of %u", bare->disk,
                       (unsigned long long)bd->bytes, bd->sector);
    return 0;
}

struct disk *bare_claim(const struct bare *bare, struct err *e)
{
    _cleanup_disk_ struct disk *disk = disk_open(bare->disk, !bare->read_only, bare->sector, e);

    if (disk == NULL || check_disk(disk, bare, e) < 0 || disk_check_users(disk, e) < 0 ||
        disk_claim_file(disk, bare->read_only, bare->disk, e) < 0)
        return NULL;
    return steal(disk);
}

int bare_ranges(struct disk *disk, struct storage_range *range, struct err *e)
{
    struct blockdev *bd = disk_blockdev(disk);
    struct extent whole = {0, bd->bytes};

    *range = (struct storage_range){.bytes = bd->bytes};
    return blockdev_fd_extent(bd, whole, &range->fd, &range->at, e) < 0 ? -1 : 1;
}
