// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * menu_disk.c: gives the boot tests the boot menu without the rest of berth: makes and changes the
 * ESP and GRUB on a disk file whose partition table is there already.
 *
 *   menu_disk make   DISK SECTOR ESP-START ESP-BYTES BIOS-START BIOS-BYTES RECORD.json
 *   menu_disk commit DISK SECTOR ESP-START ESP-BYTES RECORD.json
 *   menu_disk next   DISK SECTOR ESP-START ESP-BYTES [NAME]    sets it, or prints it
 *   menu_disk newest FOLDER...            prints for each root the version of the kernel that boots
 */
#include "block/blockdev.h"
#include "bootmenu/esp.h"
#include "bootmenu/grub_install.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "os/newest_kernel.h"
#include "tree/tree.h"

#include <string.h>

#define VOLUME_ID  0xbe47be47U
#define RECORD_MAX ((size_t)1 << 20)

static uint64_t number(const char *text)
{
    return strtoull(text, NULL, 10);
}

static struct record *read_record(const char *path, struct err *e)
{
    _cleanup_free_ char *text = NULL;
    size_t len;

    return io_read_file(path, RECORD_MAX, &text, &len, e) < 0 ? NULL : record_parse(text, len, e);
}

static struct blockdev *open_esp(struct blockdev *disk, char **argv, struct err *e)
{
    return slice_open(disk, (struct extent){number(argv[4]), number(argv[5])}, e);
}

static int install_bios(struct blockdev *disk, struct extent where, struct err *e)
{
    _cleanup_grub_bios_ struct grub_bios bios = {0};
    uint8_t old[GRUB_SECTOR];
    char uuid[ESP_UUID_TEXT];

    if (disk->sector != GRUB_SECTOR)
        return 0;
    if (blockdev_pread(disk, old, sizeof(old), 0, e) < 0 ||
        grub_bios_image(esp_uuid_print(VOLUME_ID, uuid), where, disk->sector, old, &bios, e) < 0 ||
        blockdev_pwrite(disk, bios.core, bios.core_bytes, bios.core_at, e) < 0 ||
        blockdev_flush(disk, e) < 0 ||
        blockdev_pwrite(disk, bios.sector0, sizeof(bios.sector0), 0, e) < 0)
        return -1;
    return blockdev_flush(disk, e);
}

static int make(struct blockdev *disk, char **argv, struct err *e)
{
    struct extent bios = {number(argv[6]), number(argv[7])};
    _cleanup_blockdev_ struct blockdev *esp = open_esp(disk, argv, e);
    _cleanup_record_ struct record *record = esp == NULL ? NULL : read_record(argv[8], e);
    struct esp_options options = {.volume_id = VOLUME_ID, .record = record};

    if (record == NULL || esp_make(esp, &options, NULL, e) < 0)
        return -1;
    return install_bios(disk, bios, e);
}

static int commit(struct esp *esp, const char *path, struct err *e)
{
    _cleanup_record_ struct record *record = read_record(path, e);

    return record == NULL ? -1 : esp_commit(esp, record, e);
}

static int next(struct esp *esp, const char *name, struct err *e)
{
    _cleanup_free_ char *found = NULL;

    if (name != NULL)
        return esp_next_set(esp, name, e);
    if (esp_next_get(esp, &found, e) < 0)
        return -1;
    puts(found != NULL ? found : "");
    return 0;
}

static int change(struct blockdev *disk, char **argv, struct err *e)
{
    _cleanup_blockdev_ struct blockdev *bd = open_esp(disk, argv, e);
    _cleanup_tree_ struct tree *tree = bd == NULL ? NULL : fat_tree_open(bd, e);
    _cleanup_esp_ struct esp *esp = tree == NULL ? NULL : esp_open(tree, e);

    if (esp == NULL)
        return -1;
    return strcmp(argv[1], "commit") == 0 ? commit(esp, argv[6], e) : next(esp, argv[6], e);
}

/* "<6.1.0-9-amd64>" for each; "<>" where there is no kernel. */
static int newest(char **folders, struct err *e)
{
    for (; *folders != NULL; folders++) {
        _cleanup_tree_ struct tree *tree = dir_tree_open(*folders, e);
        struct newest_kernel found = {0};

        if (tree == NULL || (newest_kernel_find(tree, &found, e) < 0 && e->code != ERR_NOT_FOUND))
            return -1;
        printf("<%s>\n", found.version != NULL ? found.version : "");
        newest_kernel_free(&found);
    }
    return 0;
}

static int run(int argc, char **argv, struct err *e)
{
    _cleanup_blockdev_ struct blockdev *disk = NULL;

    if (argc > 1 && strcmp(argv[1], "newest") == 0)
        return newest(argv + 2, e);
    if (argc < 6)
        return err_set(e, ERR_USAGE, "usage");
    disk = file_open(argv[2], true, (unsigned)number(argv[3]), e);
    if (disk == NULL)
        return -1;
    if (argc == 9 && strcmp(argv[1], "make") == 0)
        return make(disk, argv, e);
    return change(disk, argv, e);
}

int main(int argc, char **argv)
{
    struct err e = {0};

    if (run(argc, argv, &e) == 0)
        return 0;
    fprintf(stderr, "menu_disk: %s\n%s\n", e.text, e.hint);
    return 1;
}
