// SPDX-License-Identifier: GPL-3.0-or-later
/* work_file.c: prints and parses what an initramfs is told, and finds the disk that it means. */
#include "initramfs/work_file.h"
#include "block/disk.h"
#include "block/sysfs.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "partition/table.h"

#include <jansson.h>
#include <string.h>

char *work_file_print(const struct work_file *work, struct err *e)
{
    json_t *argv = json_array(), *top;
    char uuid[GUID_TEXT], *text;

    for (size_t i = 0; i < work->argv.n; i++)
        json_array_append_new(argv, json_string(work->argv.items[i]));
    top = json_pack("{s:s, s:s?, s:s?, s:o}", "disk", guid_print(&work->table, uuid), "serial",
                    work->serial, "wwn", work->wwn, "argv", argv);
    text = top != NULL ? json_dumps(top, JSON_INDENT(2)) : NULL;
    json_decref(top);
    if (text == NULL)
        err_no_memory(e);
    return text;
}

static int copy_text(const json_t *value, char **text, struct err *e)
{
    if (!json_is_string(value))
        return 0;
    *text = strdup(json_string_value(value));
    return *text != NULL ? 0 : err_no_memory(e);
}

static int take(const json_t *top, struct work_file *work, struct err *e)
{
    const json_t *disk = json_object_get(top, "disk"), *argv = json_object_get(top, "argv");

    if (!json_is_string(disk) || guid_parse(json_string_value(disk), &work->table, e) < 0 ||
        json_array_size(argv) == 0)
        return err_set(e, ERR_SYNTAX, "it names no disk or no command");
    if (copy_text(json_object_get(top, "serial"), &work->serial, e) < 0 ||
        copy_text(json_object_get(top, "wwn"), &work->wwn, e) < 0)
        return -1;
    for (size_t i = 0; i < json_array_size(argv); i++) {
        const char *word = json_string_value(json_array_get(argv, i));

        if (word == NULL)
            return err_set(e, ERR_SYNTAX, "a word of the command is no text");
        if (strings_add(&work->argv, word, strlen(word), e) < 0)
            return -1;
    }
    return 0;
}

int work_file_parse(const char *text, size_t len, struct work_file *work, struct err *e)
{
    json_t *top = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    int result;

    *work = (struct work_file){0};
    result = top != NULL ? take(top, work, e) : err_set(e, ERR_SYNTAX, "it is no JSON");
    json_decref(top);
    return result < 0 ? err_wrap(e, "the work of this boot") : 0;
}

void work_file_clear(struct work_file *work)
{
    free(work->serial);
    free(work->wwn);
    strings_clear(&work->argv);
    *work = (struct work_file){0};
}

static bool says(const char *wanted, const char *found)
{
    return wanted == NULL || (found != NULL && strcmp(wanted, found) == 0);
}

/* The table counts beside what the device says: a copy of the disk in another device is not it, nor
 * is the same device with another table. */
static bool is_meant(const struct work_file *work, const char *path)
{
    struct err ignored;
    _cleanup_disk_ struct disk *disk = disk_open(path, false, 0, &ignored);
    _cleanup_table_ struct table *table =
        disk != NULL ? table_read(disk_blockdev(disk), &ignored) : NULL;
    struct disk_identity identity;
    bool meant;

    if (table == NULL || !guid_equal(&table->uuid, &work->table))
        return false;
    device_identify(disk_device(disk), &identity);
    meant = says(work->serial, identity.serial) && says(work->wwn, identity.wwn);
    disk_identity_clear(&identity);
    return meant;
}

int work_file_find_disk(const struct work_file *work, char **path, struct err *e)
{
    struct dirent **disks;
    int n = sysfs_entries("/sys", "block", &disks);

    *path = NULL;
    for (int i = 0; i < n && *path == NULL; i++) {
        char node[300];

        snprintf(node, sizeof(node), "/dev/%s", disks[i]->d_name);
        if (is_meant(work, node))
            *path = strdup(node);
    }
    sysfs_entries_free(disks, n);
    return *path != NULL ? 0 : err_set(e, ERR_NOT_FOUND, "the disk of this work is not there");
}
