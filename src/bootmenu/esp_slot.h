// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * esp_slot.h: a slot of the ESP as bytes: the record's file and the menu's file of one generation,
 * both of fixed size. Pure.
 *
 * record   the record's JSON, then newlines.
 * menu     the menu's text, then "#" lines, and at the very end one line with the generation
 *          and the SHA-256 of the record's JSON and of the menu's text. By it a slot shows by
 * itself that it is whole: damage to what was put behind a text makes it another text.
 */
#ifndef BERTH_BOOTMENU_ESP_SLOT_H
#define BERTH_BOOTMENU_ESP_SLOT_H

#include "bootmenu/environment.h"
#include "core/digest.h"
#include "core/err.h"
#include "model/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLOT_RECORD_BYTES ((size_t)256 * 1024)
#define SLOT_MENU_BYTES   ((size_t)64 * 1024)

struct slot {
    char record[SLOT_RECORD_BYTES];
    char menu[SLOT_MENU_BYTES];
};

/* What selects a slot, and what a slot is selected by. */
struct slot_id {
    uint64_t generation;
    char record[DIGEST_HEX], menu[DIGEST_HEX]; /* SHA-256 of the texts */
};

/* Fills the slot. ERR_NO_SPACE when record or menu are too long for it. */
int slot_make(struct slot *slot, uint64_t generation, const char *record, const char *menu,
              struct err *e);

/* Fills the slot with the record, as of that generation, and its menu. */
int slot_fill(struct slot *slot, const struct record *record, uint64_t generation, struct err *e);

/* Where the files of slot 'a' or 'b' are on the ESP. */
#define SLOT_PATH 32
void slot_paths(char name, char record[SLOT_PATH], char menu[SLOT_PATH]);

/* A slot that holds nothing, and no script that does anything. */
void slot_blank(struct slot *slot);

/* True when the slot is whole; then *id is set. */
bool slot_check(const struct slot *slot, struct slot_id *id);

/* The lengths of the texts without what was put behind them. */
size_t slot_record_len(const struct slot *slot);
size_t slot_menu_len(const struct slot *slot);

/* Writes "slot", "generation", "record" and "menu" into the block that selects. */
int slot_select(struct environment *env, char name, const struct slot_id *id, struct err *e);

/* Whether the block is what slot_select makes of this slot. */
bool slot_is_selected(const struct environment *env, char name, const struct slot_id *id);

/* Which of two slots counts: the selected one when it is whole and the one that was selected, else
 * the whole one with the higher generation. Returns 'a' or 'b', or 0 when none is whole. ids are
 * those of the whole slots, NULL for the others. */
char slot_choose(const struct environment *env, const struct slot_id *a, const struct slot_id *b);

#endif
