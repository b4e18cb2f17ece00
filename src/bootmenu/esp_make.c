// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * esp_make.c: makes a complete ESP in memory and copies it to the partition. Everything that can
 * fail for a reason outside the disk fails before the first write to it.
 */
#include "bootmenu/environment.h"
#include "bootmenu/esp.h"
#include "bootmenu/esp_slot.h"
#include "bootmenu/grub_config.h"
#include "bootmenu/grub_install.h"
#include "core/cleanup.h"
#include "fs/fs_vfat.h"

#include <string.h>

#define ESP_LABEL "BERTH-ESP"

char *esp_uuid_print(uint32_t volume_id, char buf[ESP_UUID_TEXT])
{
    snprintf(buf, ESP_UUID_TEXT, "%04X-%04X", volume_id >> 16, volume_id & 0xffff);
    return buf;
}

static int put_efi_files(struct vfat_stage *stage, struct err *e)
{
    _cleanup_free_ char *bootstrap = grub_bootstrap_text(e);

    if (bootstrap == NULL)
        return -1;
    for (const struct grub_efi_file *file = grub_efi_files; file->from != NULL; file++)
        if (vfat_stage_copy(stage, file->from, file->to, e) < 0)
            return -1;
    return vfat_stage_put(stage, bootstrap, strlen(bootstrap), GRUB_BOOTSTRAP, e);
}

static int put_slot(struct vfat_stage *stage, char name, const struct slot *slot, struct err *e)
{
    char record[SLOT_PATH], menu[SLOT_PATH];

    slot_paths(name, record, menu);
    if (vfat_stage_put(stage, slot->record, sizeof(slot->record), record, e) < 0)
        return -1;
    return vfat_stage_put(stage, slot->menu, sizeof(slot->menu), menu, e);
}

static int put_slots(struct vfat_stage *stage, const struct record *record, struct slot_id *id,
                     struct err *e)
{
    _cleanup_free_ struct slot *slot = malloc(sizeof(*slot));

    if (slot == NULL)
        return err_no_memory(e);
    if (slot_fill(slot, record, 1, e) < 0 || put_slot(stage, 'a', slot, e) < 0)
        return -1;
    if (!slot_check(slot, id))
        return err_set(e, ERR_FAILED, "a new slot of the EFI system partition is not whole");
    slot_blank(slot);
    return put_slot(stage, 'b', slot, e);
}

static int put_environments(struct vfat_stage *stage, unsigned sector, const struct slot_id *id,
                            struct err *e)
{
    struct environment env;

    environment_init(&env, sector);
    if (slot_select(&env, 'a', id, e) < 0 ||
        vfat_stage_put(stage, env.block, env.bytes, ESP_SELECT, e) < 0)
        return -1;
    environment_init(&env, sector);
    if (environment_set(&env, "next", "", e) < 0)
        return -1;
    return vfat_stage_put(stage, env.block, env.bytes, ESP_STATE, e);
}

static int fill(struct vfat_stage *stage, unsigned sector, const struct record *record,
                struct err *e)
{
    static const char *const folders[] = {"EFI", "EFI/BOOT", "berth"};
    struct slot_id id;

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        if (vfat_stage_folder(stage, folders[i], e) < 0)
            return -1;
    if (put_efi_files(stage, e) < 0 || put_slots(stage, record, &id, e) < 0)
        return -1;
    return put_environments(stage, sector, &id, e);
}

int esp_make(struct blockdev *partition, const struct esp_options *options, struct ui *ui,
             struct err *e)
{
    struct vfat_options vfat = {.volume_id = options->volume_id, .label = ESP_LABEL};
    _cleanup_vfat_stage_ struct vfat_stage *stage = NULL;

    if (grub_efi_check(e) < 0)
        return -1;
    stage = vfat_stage_new(partition->bytes, partition->sector, &vfat, e);
    if (stage == NULL || fill(stage, partition->sector, options->record, e) < 0)
        return err_wrap(e, "making the EFI system partition");
    if (ui_progress(ui, "EFI system partition", 0, 0, e) < 0)
        return -1;
    return vfat_stage_write(stage, partition, e);
}
