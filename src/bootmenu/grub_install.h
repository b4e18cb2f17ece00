// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * grub_install.h: what GRUB needs on a disk beside its texts: the files of the ESP for UEFI, and
 * for BIOS the core image in the BIOS boot partition with the boot code in sector 0. Nothing here
 * writes to a disk.
 */
#ifndef BERTH_BOOTMENU_GRUB_INSTALL_H
#define BERTH_BOOTMENU_GRUB_INSTALL_H

#include "core/err.h"
#include "model/extent.h"

#include <stddef.h>
#include <stdint.h>

#define GRUB_BOOTSTRAP "EFI/BOOT/grub.cfg" /* read by the BIOS core image too */

struct grub_efi_file {
    const char *from;    /* on the running system */
    const char *to;      /* on the ESP */
    const char *package; /* Debian's, that has it */
};

/* The files for UEFI, up to one whose from is NULL. */
extern const struct grub_efi_file grub_efi_files[];

/* ERR_NOT_FOUND with a hint when one of them is not installed. */
int grub_efi_check(struct err *e);

#define GRUB_SECTOR 512

struct grub_bios {
    uint8_t *core;     /* for the start of the BIOS boot partition; write and flush it first */
    size_t core_bytes; /* a multiple of 512 */
    uint64_t core_at;  /* where on the disk, in bytes */
    uint8_t sector0[GRUB_SECTOR]; /* for the disk's first sector */
};

/* Makes GRUB for BIOS. esp_fs_uuid is the ESP's filesystem UUID as blkid prints it; bios_boot is
 * the BIOS boot partition on the disk; old_sector0 is the disk's first sector as it is, of which
 * the disk's signature and the protective partition table are kept. Freed with grub_bios_free.
 * ERR_UNSUPPORTED on sectors that are not of 512 bytes, from which no BIOS boots; ERR_NO_SPACE when
 * the partition is too small; ERR_NOT_FOUND with a hint when GRUB's files are not installed. */
int grub_bios_image(const char *esp_fs_uuid, struct extent bios_boot, unsigned sector,
                    const uint8_t old_sector0[GRUB_SECTOR], struct grub_bios *out, struct err *e);
void grub_bios_free(struct grub_bios *bios);

#define _cleanup_grub_bios_ __attribute__((cleanup(grub_bios_free)))

#endif
