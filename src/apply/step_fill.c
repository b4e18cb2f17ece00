// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * step_fill.c: puts the content of one partition there. The partition is of the type "incomplete"
 * meanwhile; when everything is flushed, its own type makes it count.
 */
#include "apply/step_ops.h"
#include "bootmenu/esp.h"
#include "bootmenu/grub_install.h"
#include "core/cleanup.h"
#include "fs/fs.h"
#include "images/populate.h"
#include "partition/type.h"
#include "plan/guest_input.h"

#include <string.h>

static const struct plan_partition *partition_of(const struct apply *apply, const struct step *step)
{
    for (size_t i = 0; i < apply->plan->n_partitions; i++)
        if (guid_equal(&apply->plan->partitions[i].uuid, &step->partition))
            return &apply->plan->partitions[i];
    return NULL;
}

static uint32_t volume_id(const struct plan_partition *esp)
{
    uint32_t id;

    memcpy(&id, esp->fs_uuid.bytes, sizeof(id));
    return id;
}

/* The ESP is made with the record of what was on the disk before: nothing. */
static int fill_esp(struct apply *apply, const struct plan_partition *p, struct blockdev *bd,
                    struct err *e)
{
    _cleanup_record_ struct record *record = record_new(e);
    struct esp_options options = {.volume_id = volume_id(p), .record = record};

    if (record == NULL)
        return -1;
    record->disk = apply->plan->table->uuid;
    if (apply->plan->machine->name != NULL) {
        record->machine = strdup(apply->plan->machine->name);
        if (record->machine == NULL)
            return err_no_memory(e);
    }
    return esp_make(bd, &options, apply->ui, e);
}

static const struct plan_partition *find_esp(const struct plan *plan)
{
    for (size_t i = 0; i < plan->n_partitions; i++)
        if (plan->partitions[i].content == CONTENT_ESP)
            return &plan->partitions[i];
    return NULL;
}

/* GRUB's core image first, flushed, and only then the boot code that jumps to it. */
static int fill_bios(struct apply *apply, const struct plan_partition *p, struct err *e)
{
    struct blockdev *bd = disk_blockdev(apply->disk);
    const struct plan_partition *esp = find_esp(apply->plan);
    uint8_t sector0[GRUB_SECTOR];
    char esp_uuid[ESP_UUID_TEXT];
    struct grub_bios bios;
    int result;

    if (esp == NULL)
        return err_set(e, ERR_FAILED, "there is no EFI system partition for GRUB's files");
    if (blockdev_pread(bd, sector0, sizeof(sector0), 0, e) < 0 ||
        grub_bios_image(esp_uuid_print(volume_id(esp), esp_uuid), p->range, bd->sector, sector0,
                        &bios, e) < 0)
        return -1;
    result = blockdev_pwrite(bd, bios.core, bios.core_bytes, bios.core_at, e);
    if (result == 0)
        result = blockdev_flush(bd, e);
    if (result == 0)
        result = blockdev_pwrite(bd, bios.sector0, sizeof(bios.sector0), 0, e);
    grub_bios_free(&bios);
    return result;
}

/* The partition's name as the label, as much of it as the kind has room for. */
static int fill_fs(const struct plan_partition *p, const char *kind, size_t label_max,
                   struct blockdev *bd, struct err *e)
{
    struct fs_options options = {.uuid = p->fs_uuid, .at = p->range.start};
    char label[17];

    snprintf(label, label_max + 1, "%s", p->wanted->name);
    options.label = label;
    return fs_by_name(kind)->make(bd, &options, e);
}

static int fill_system(struct apply *apply, const struct plan_partition *p, struct blockdev *bd,
                       struct err *e)
{
    _cleanup_guest_input_ struct guest_input *input = guest_input_new(apply->plan, p, e);

    if (input == NULL || fill_fs(p, "ext4", 16, bd, e) < 0)
        return -1;
    return populate(bd, p->image, guest_input_customize(input), apply->ui, e);
}

static int fill_content(struct apply *apply, const struct plan_partition *p, struct blockdev *bd,
                        struct err *e)
{
    switch (p->content) {
    case CONTENT_ESP:
        return fill_esp(apply, p, bd, e);
    case CONTENT_BIOS:
        return fill_bios(apply, p, e);
    case CONTENT_EXT4:
        return fill_fs(p, "ext4", 16, bd, e);
    case CONTENT_SWAP:
        return fill_fs(p, "swap", 15, bd, e);
    case CONTENT_SYSTEM:
        return fill_system(apply, p, bd, e);
    case CONTENT_NONE:
        break;
    }
    return 0;
}

int step_fill_done(struct apply *apply, const struct step *step, struct err *e)
{
    _cleanup_table_ struct table *table = table_read(disk_blockdev(apply->disk), e);
    const struct table_entry *there;

    if (table == NULL)
        return -1;
    there = table_entry_by_uuid(table, &step->partition);
    return there != NULL && !partition_type_is(&there->type, "incomplete");
}

int step_fill_apply(struct apply *apply, const struct step *step, struct err *e)
{
    const struct plan_partition *p = partition_of(apply, step);
    struct blockdev *disk = disk_blockdev(apply->disk);
    _cleanup_blockdev_ struct blockdev *bd = NULL;

    if (p == NULL)
        return err_set(e, ERR_FAILED, "%s is not in the plan", step->target);
    if (disk_claim(apply->disk, p->range, p->wanted->name, e) < 0)
        return -1;
    bd = slice_open(disk, p->range, e);
    /* What an earlier try left here must not show through holes; on a device a hint is enough,
     * since what makes filesystems writes every byte that is read. */
    if (bd == NULL || (disk_is_device(apply->disk) ? blockdev_discard(bd, 0, bd->bytes, e)
                                                   : blockdev_zero(bd, 0, bd->bytes, e)) < 0)
        return -1;
    if (fill_content(apply, p, bd, e) < 0 || blockdev_flush(disk, e) < 0)
        return err_wrap(e, "%s", p->wanted->name);
    return step_commit_type(apply, p, e);
}
