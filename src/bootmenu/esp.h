// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * esp.h: berth's EFI system partition: how it is made, and how its record and menu change.
 *
 * EFI/BOOT/BOOTX64.EFI, grubx64.efi, mmx64.efi    Debian's signed shim, GRUB and MOK manager
 * EFI/BOOT/grub.cfg                               the bootstrap, for BIOS too
 * berth/record-a.json, menu-a.cfg                 a slot: one generation of record and menu
 * berth/record-b.json, menu-b.cfg                 the other
 * berth/select.env                                one sector: which slot counts
 * berth/state.env                                 one sector: what boots next; GRUB writes it
 *
 * All of them keep their size and place for ever, so that a change touches no FAT and no folder. A
 * change writes the slot that does not count, flushes, then the one sector that selects, and
 * flushes: a power cut leaves the old or the new record and menu, both of one generation.
 */
#ifndef BERTH_BOOTMENU_ESP_H
#define BERTH_BOOTMENU_ESP_H

#include "block/blockdev.h"
#include "core/err.h"
#include "core/ui.h"
#include "model/record.h"
#include "tree/tree.h"

#include <stdint.h>

struct esp_options {
    uint32_t volume_id;          /* of the FAT; "ABCD-1234" is 0xabcd1234 */
    const struct record *record; /* the first one; its generation on the disk is 1 */
};

/* What blkid prints as the UUID of a FAT with that volume id. Returns buf. */
#define ESP_UUID_TEXT 10
char *esp_uuid_print(uint32_t volume_id, char buf[ESP_UUID_TEXT]);

/* Makes the partition (which may hold anything) an ESP of its size and sector size, and flushes.
 * ERR_NO_SPACE when it is too small; ERR_NOT_FOUND with a hint when GRUB's or shim's files are not
 * installed: both before any write. */
int esp_make(struct blockdev *partition, const struct esp_options *options, struct ui *ui,
             struct err *e);

struct esp;

/* Opens the ESP in a FAT or a mounted folder, which stays the caller's and must outlive it.
 * ERR_NOT_FOUND when it is not one that berth made. Closed with esp_close. */
struct esp *esp_open(struct tree *tree, struct err *e);
void esp_close(struct esp *esp);

#define _cleanup_esp_ __attribute__((cleanup(esp_cleanup)))
void esp_cleanup(struct esp **esp);

/* The record and menu that count, new, the caller's; either pointer may be NULL. ERR_VERIFY when
 * neither slot is whole. */
int esp_read(struct esp *esp, struct record **record, char **menu_text, struct err *e);

/* True when the slot that was selected last is damaged and the other one stands in for it. */
bool esp_is_damaged(const struct esp *esp);

/* Makes the record, with the generation after the one that counts, and its menu the ones that
 * count. ERR_NO_SPACE when they do not fit, before any write. */
int esp_commit(struct esp *esp, const struct record *record, struct err *e);

/* The system that boots at the next start only: a new string, or NULL when there is none. */
int esp_next_get(struct esp *esp, char **name, struct err *e);

/* Sets it; NULL clears it. ERR_NOT_FOUND when the menu has no such entry; MENU_WORK
 * (bootmenu/menu.h) may be set before the menu has it, since a name without an entry does nothing.
 */
int esp_next_set(struct esp *esp, const char *name, struct err *e);

#endif
