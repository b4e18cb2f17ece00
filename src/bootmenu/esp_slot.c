// SPDX-License-Identifier: GPL-3.0-or-later
/* esp_slot.c: makes and checks the two files of a slot. Pure; the formats are in esp_slot.h. */
#include "bootmenu/esp_slot.h"
#include "bootmenu/grub_config.h"
#include "core/cleanup.h"

#include <inttypes.h>
#include <string.h>

#define PADDING_LINE  64   /* bytes of a line of padding, newline included */
#define PADDING_BLOCK 4096 /* bytes of the record that are looked at together */

/* The last line of a menu; every field has a fixed width, so that its place is known. */
#define TRAILER_FORMAT "# berth slot generation=%020" PRIu64 " record=%s menu=%s\n"
#define TRAILER_BYTES  (sizeof("# berth slot generation= record= menu=\n") - 1 + 20 + 64 + 64)

#define MENU_COVERED (SLOT_MENU_BYTES - TRAILER_BYTES)

_Static_assert(SLOT_RECORD_BYTES % PADDING_BLOCK == 0, "the record is whole blocks");

static void pad_menu(char *menu, size_t from, size_t to)
{
    for (size_t at = from; at < to; at++)
        menu[at] = (at + 1 - from) % PADDING_LINE == 0 ? '\n' : '#';
    menu[to - 1] = '\n';
}

static void seal(struct slot *slot, uint64_t generation)
{
    char record[DIGEST_HEX], menu[DIGEST_HEX], trailer[TRAILER_BYTES + 1];

    digest_hex_of(slot->record, slot_record_len(slot), record);
    digest_hex_of(slot->menu, slot_menu_len(slot), menu);
    snprintf(trailer, sizeof(trailer), TRAILER_FORMAT, generation, record, menu);
    memcpy(slot->menu + MENU_COVERED, trailer, TRAILER_BYTES);
}

static int too_long(const char *what, size_t len, size_t room, struct err *e)
{
    return err_set(e, ERR_NO_SPACE,
                   "%s has %zu bytes, and the EFI system partition keeps %zu for it", what, len,
                   room);
}

int slot_make(struct slot *slot, uint64_t generation, const char *record, const char *menu,
              struct err *e)
{
    size_t record_len = strlen(record), menu_len = strlen(menu);

    if (record_len >= sizeof(slot->record))
        return too_long("the record", record_len, sizeof(slot->record) - 1, e);
    if (menu_len >= MENU_COVERED)
        return too_long("the boot menu", menu_len, MENU_COVERED - 1, e);
    memset(slot->record, '\n', sizeof(slot->record));
    memcpy(slot->record, record, record_len);
    memcpy(slot->menu, menu, menu_len);
    pad_menu(slot->menu, menu_len, MENU_COVERED);
    seal(slot, generation);
    return 0;
}

int slot_fill(struct slot *slot, const struct record *record, uint64_t generation, struct err *e)
{
    _cleanup_record_ struct record *copy = record_copy(record, e);
    _cleanup_free_ char *text = NULL, *menu = NULL;

    if (copy == NULL)
        return -1;
    copy->generation = generation;
    text = record_print(copy, e);
    menu = text == NULL ? NULL : grub_menu_text(copy, e);
    return menu == NULL ? -1 : slot_make(slot, generation, text, menu, e);
}

void slot_paths(char name, char record[SLOT_PATH], char menu[SLOT_PATH])
{
    snprintf(record, SLOT_PATH, "berth/record-%c.json", name);
    snprintf(menu, SLOT_PATH, "berth/menu-%c.cfg", name);
}

void slot_blank(struct slot *slot)
{
    memset(slot->record, '\n', sizeof(slot->record));
    pad_menu(slot->menu, 0, sizeof(slot->menu));
}

bool slot_check(const struct slot *slot, struct slot_id *id)
{
    char trailer[TRAILER_BYTES + 1], expected[TRAILER_BYTES + 1];

    memcpy(trailer, slot->menu + MENU_COVERED, TRAILER_BYTES);
    trailer[TRAILER_BYTES] = '\0';
    if (sscanf(trailer, "# berth slot generation=%20" SCNu64 " ", &id->generation) != 1)
        return false;
    digest_hex_of(slot->record, slot_record_len(slot), id->record);
    digest_hex_of(slot->menu, slot_menu_len(slot), id->menu);
    snprintf(expected, sizeof(expected), TRAILER_FORMAT, id->generation, id->record, id->menu);
    return memcmp(trailer, expected, TRAILER_BYTES) == 0;
}

static bool is_all(const char *text, size_t n, char c)
{
    return n == 0 || (*text == c && memcmp(text, text + 1, n - 1) == 0);
}

size_t slot_record_len(const struct slot *slot)
{
    size_t n = sizeof(slot->record);

    while (n > 0 && is_all(slot->record + n - PADDING_BLOCK, PADDING_BLOCK, '\n'))
        n -= PADDING_BLOCK;
    while (n > 0 && slot->record[n - 1] == '\n')
        n--;
    return n;
}

/* Lines of padding are taken off from the end; a menu has no line of nothing but "#" itself. */
size_t slot_menu_len(const struct slot *slot)
{
    size_t n = MENU_COVERED;

    while (n > 0) {
        const char *newline = memrchr(slot->menu, '\n', n - 1);
        size_t start = newline == NULL ? 0 : (size_t)(newline + 1 - slot->menu);

        if (!is_all(slot->menu + start, n - 1 - start, '#'))
            break;
        n = start;
    }
    return n;
}

int slot_select(struct environment *env, char name, const struct slot_id *id, struct err *e)
{
    char slot[2] = {name, '\0'}, generation[24];

    snprintf(generation, sizeof(generation), "%" PRIu64, id->generation);
    if (environment_set(env, "slot", slot, e) < 0 ||
        environment_set(env, "generation", generation, e) < 0 ||
        environment_set(env, "record", id->record, e) < 0)
        return -1;
    return environment_set(env, "menu", id->menu, e);
}

static bool has(const struct environment *env, const char *name, const char *value)
{
    _cleanup_free_ char *found = environment_get(env, name);

    return found != NULL && strcmp(found, value) == 0;
}

bool slot_is_selected(const struct environment *env, char name, const struct slot_id *id)
{
    char slot[2] = {name, '\0'}, generation[24];

    snprintf(generation, sizeof(generation), "%" PRIu64, id->generation);
    return has(env, "slot", slot) && has(env, "generation", generation) &&
           has(env, "record", id->record) && has(env, "menu", id->menu);
}

char slot_choose(const struct environment *env, const struct slot_id *a, const struct slot_id *b)
{
    if (a != NULL && slot_is_selected(env, 'a', a))
        return 'a';
    if (b != NULL && slot_is_selected(env, 'b', b))
        return 'b';
    if (a == NULL && b == NULL)
        return 0;
    if (a == NULL || b == NULL)
        return a == NULL ? 'b' : 'a';
    return a->generation >= b->generation ? 'a' : 'b';
}
