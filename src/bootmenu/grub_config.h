// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * grub_config.h: the texts that GRUB reads. Pure. Three of them, each leading to the next:
 *
 * embedded   inside the BIOS core image: finds the ESP. (UEFI: the firmware did.)
 * bootstrap  EFI/BOOT/grub.cfg: finds the selected menu slot that is whole and shows it.
 * menu       berth/menu-a.cfg or -b.cfg: the entries. The same for BIOS and UEFI.
 */
#ifndef BERTH_BOOTMENU_GRUB_CONFIG_H
#define BERTH_BOOTMENU_GRUB_CONFIG_H

#include "core/err.h"
#include "model/record.h"

/* The ESP's files as GRUB and berth name them. */
#define ESP_SELECT "berth/select.env"
#define ESP_STATE  "berth/state.env"

/* What the entry of the record's work boots. */
#define ESP_WORK_FOLDER "berth/work"
#define ESP_WORK_KERNEL ESP_WORK_FOLDER "/linux"
#define ESP_WORK_INITRD ESP_WORK_FOLDER "/initrd"

/* The word of its kernel's command line, by which the program knows what it was booted for. */
#define WORK_OPTION "berth.work=1"

/* Each returns a new text that the caller frees, or NULL with the err filled. */

/* esp_fs_uuid is the ESP's filesystem UUID as blkid prints it ("ABCD-1234"). */
char *grub_embedded_text(const char *esp_fs_uuid, struct err *e);

char *grub_bootstrap_text(struct err *e);

/* The menu of the record; its last command sets berth_done to the record's generation, by which
 * the bootstrap knows that all of it was read. */
char *grub_menu_text(const struct record *record, struct err *e);

/* grub_script.c: the functions that every menu starts with. */
extern const char grub_script_functions[];
extern const char grub_script_bootstrap[];

#endif
