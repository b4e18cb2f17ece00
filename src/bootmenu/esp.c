// SPDX-License-Identifier: GPL-3.0-or-later
/* esp.c: reads and changes the record and the menu of an ESP that is there. The layout and how a
 * change survives a power cut are in esp.h. */
#include "bootmenu/esp.h"
#include "bootmenu/environment.h"
#include "bootmenu/esp_slot.h"
#include "bootmenu/grub_config.h"
#include "bootmenu/menu.h"
#include "core/cleanup.h"

#include <string.h>

struct esp {
    struct tree *tree;
    char slot;           /* which one counts: 'a' or 'b'; 0: none is whole */
    uint64_t generation; /* of the one that counts, or 0 */
    bool damaged;
};

static int check_size(struct tree *tree, const char *path, size_t min, size_t max, struct err *e)
{
    struct tree_entry entry;

    if (tree_stat(tree, path, &entry, e) < 0)
        return err_wrap(e, "not an EFI system partition of berth's");
    if (entry.type != TREE_FILE || entry.size < min || entry.size > max)
        return err_set(e, ERR_NOT_FOUND,
                       "not an EFI system partition of berth's: %s has %llu bytes", path,
                       (unsigned long long)entry.size);
    return 0;
}

static int check_layout(struct tree *tree, struct err *e)
{
    for (char slot = 'a'; slot <= 'b'; slot++) {
        char record[SLOT_PATH], menu[SLOT_PATH];

        slot_paths(slot, record, menu);
        if (check_size(tree, record, SLOT_RECORD_BYTES, SLOT_RECORD_BYTES, e) < 0 ||
            check_size(tree, menu, SLOT_MENU_BYTES, SLOT_MENU_BYTES, e) < 0)
            return -1;
    }
    if (check_size(tree, ESP_SELECT, ENVIRONMENT_MIN, ENVIRONMENT_MAX, e) < 0)
        return -1;
    return check_size(tree, ESP_STATE, ENVIRONMENT_MIN, ENVIRONMENT_MAX, e);
}

static int read_whole(struct tree *tree, const char *path, void *buf, size_t n, struct err *e)
{
    size_t got;

    if (tree_read(tree, path, buf, n, 0, &got, e) < 0)
        return -1;
    if (got != n)
        return err_set(e, ERR_VERIFY, "%s ends after %zu bytes", path, got);
    return 0;
}

static int read_slot(struct tree *tree, char name, struct slot *slot, struct err *e)
{
    char record[SLOT_PATH], menu[SLOT_PATH];

    slot_paths(name, record, menu);
    if (read_whole(tree, record, slot->record, sizeof(slot->record), e) < 0)
        return -1;
    return read_whole(tree, menu, slot->menu, sizeof(slot->menu), e);
}

/* Reads a slot and checks it. Returns 1 when it is whole, 0 when it is not. */
static int check_slot(struct tree *tree, char name, struct slot_id *id, struct err *e)
{
    _cleanup_free_ struct slot *slot = malloc(sizeof(*slot));

    if (slot == NULL)
        return err_no_memory(e);
    if (read_slot(tree, name, slot, e) < 0)
        return -1;
    return slot_check(slot, id);
}

/* Finds out which slot counts. The other one is read only when the selected one does not count. */
static int look(struct esp *esp, struct err *e)
{
    _cleanup_free_ char *selected = NULL;
    struct environment select;
    struct slot_id ids[2];
    int whole[2] = {0, 0}, n;

    if (environment_read(esp->tree, ESP_SELECT, &select, e) < 0)
        return -1;
    selected = environment_get(&select, "slot");
    n = selected != NULL && selected[0] == 'b';
    whole[n] = check_slot(esp->tree, (char)('a' + n), &ids[n], e);
    if (whole[n] == 0 || (whole[n] == 1 && !slot_is_selected(&select, (char)('a' + n), &ids[n])))
        whole[!n] = check_slot(esp->tree, (char)('b' - n), &ids[!n], e);
    if (whole[0] < 0 || whole[1] < 0)
        return -1;
    esp->slot = slot_choose(&select, whole[0] ? &ids[0] : NULL, whole[1] ? &ids[1] : NULL);
    esp->generation = esp->slot == 0 ? 0 : ids[esp->slot - 'a'].generation;
    esp->damaged = selected == NULL || selected[0] != esp->slot;
    return 0;
}

struct esp *esp_open(struct tree *tree, struct err *e)
{
    _cleanup_esp_ struct esp *esp = calloc(1, sizeof(*esp));

    if (esp == NULL) {
        err_no_memory(e);
        return NULL;
    }
    esp->tree = tree;
    if (check_layout(tree, e) < 0 || look(esp, e) < 0)
        return NULL;
    return steal(esp);
}

void esp_close(struct esp *esp)
{
    free(esp);
}

void esp_cleanup(struct esp **esp)
{
    esp_close(*esp);
}

bool esp_is_damaged(const struct esp *esp)
{
    return esp->damaged;
}

int esp_read(struct esp *esp, struct record **record, char **menu_text, struct err *e)
{
    _cleanup_free_ struct slot *slot = malloc(sizeof(*slot));
    _cleanup_free_ char *menu = NULL;

    if (slot == NULL)
        return err_no_memory(e);
    if (esp->slot == 0) {
        err_set(e, ERR_VERIFY, "the record on the EFI system partition is damaged, in both copies");
        return err_hint(e, "berth apply with the machine file writes a new one");
    }
    if (read_slot(esp->tree, esp->slot, slot, e) < 0)
        return -1;
    if (menu_text != NULL && (menu = strndup(slot->menu, slot_menu_len(slot))) == NULL)
        return err_no_memory(e);
    if (record != NULL) {
        *record = record_parse(slot->record, slot_record_len(slot), e);
        if (*record == NULL)
            return err_wrap(e, "the record on the EFI system partition");
    }
    if (menu_text != NULL)
        *menu_text = steal(menu);
    return 0;
}

static int write_slot(struct tree *tree, char name, const struct slot *slot, struct err *e)
{
    char record[SLOT_PATH], menu[SLOT_PATH];

    slot_paths(name, record, menu);
    if (tree_overwrite(tree, record, 0, slot->record, sizeof(slot->record), e) < 0)
        return -1;
    return tree_overwrite(tree, menu, 0, slot->menu, sizeof(slot->menu), e);
}

/* The block is read again, for it keeps what another berth may have put beside. */
static int select_slot(struct esp *esp, char name, const struct slot_id *id, struct err *e)
{
    struct environment select;

    if (environment_read(esp->tree, ESP_SELECT, &select, e) < 0 ||
        slot_select(&select, name, id, e) < 0 ||
        environment_write(esp->tree, ESP_SELECT, &select, e) < 0 || tree_sync(esp->tree, e) < 0)
        return -1;
    esp->slot = name;
    esp->generation = id->generation;
    esp->damaged = false;
    return 0;
}

int esp_commit(struct esp *esp, const struct record *record, struct err *e)
{
    _cleanup_free_ struct slot *slot = malloc(sizeof(*slot));
    char name = esp->slot == 'a' ? 'b' : 'a';
    struct slot_id id;

    if (slot == NULL)
        return err_no_memory(e);
    if (slot_fill(slot, record, esp->generation + 1, e) < 0)
        return -1;
    if (!slot_check(slot, &id))
        return err_set(e, ERR_FAILED, "a new slot of the EFI system partition is not whole");
    if (write_slot(esp->tree, name, slot, e) < 0 || tree_sync(esp->tree, e) < 0)
        return err_wrap(e, "writing the boot menu");
    if (select_slot(esp, name, &id, e) < 0)
        return err_wrap(e, "selecting the new boot menu");
    return 0;
}

/* ---- what boots next ---- */

int esp_next_get(struct esp *esp, char **name, struct err *e)
{
    struct environment state;

    if (environment_read(esp->tree, ESP_STATE, &state, e) < 0)
        return -1;
    *name = environment_get(&state, "next");
    if (*name != NULL && **name == '\0') {
        free(*name);
        *name = NULL;
    }
    return 0;
}

static int check_entry(struct esp *esp, const char *name, struct err *e)
{
    _cleanup_record_ struct record *record = NULL;
    _cleanup_menu_ struct menu menu = {0};

    if (strcmp(name, MENU_WORK) == 0)
        return 0;
    if (esp_read(esp, &record, NULL, e) < 0 || menu_entries(record, &menu, e) < 0)
        return -1;
    for (size_t i = 0; i < menu.n; i++)
        if (strcmp(menu.entries[i].system->name, name) == 0)
            return 0;
    return err_set(e, ERR_NOT_FOUND, "%s has no entry in the boot menu", name);
}

int esp_next_set(struct esp *esp, const char *name, struct err *e)
{
    struct environment state;

    if (name != NULL && check_entry(esp, name, e) < 0)
        return -1;
    if (environment_read(esp->tree, ESP_STATE, &state, e) < 0 ||
        environment_set(&state, "next", name != NULL ? name : "", e) < 0 ||
        environment_write(esp->tree, ESP_STATE, &state, e) < 0)
        return -1;
    return tree_sync(esp->tree, e);
}
