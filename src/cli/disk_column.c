// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_column.c: what the cells of `disk show` say. */
#include "cli/disk_column.h"
#include "block/sysfs.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "partition/table.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

const struct disk_column_info disk_columns[N_COLUMNS] = {
#define COLUMN(id, heading, look, purpose) {heading, look, purpose},
#include "cli/disk_column.def"
#undef COLUMN
};

static const enum disk_column default_columns[] = {COLUMN_NR,     COLUMN_PARTLABEL, COLUMN_SIZE,
                                                   COLUMN_TYPE,   COLUMN_FSTYPE,    COLUMN_LABEL,
                                                   COLUMN_SYSTEM, COLUMN_USED_BY};

/* ---- choosing ---- */

static int unknown_column(const char *text, const char *name, size_t len, struct err *e)
{
    char all[600] = "";
    size_t fill = 0;

    for (size_t i = 0; i < N_COLUMNS; i++)
        fill += (size_t)snprintf(all + fill, sizeof(all) - fill, "%s%s", i > 0 ? " " : "",
                                 disk_columns[i].heading);
    err_set(e, ERR_USAGE, "--output %s: there is no column \"%.*s\"", text, (int)len, name);
    return err_hint(e, "%s", all);
}

/* Returns the number of the column, -1 when there is none of that name. */
static int find_column(const char *name, size_t len)
{
    for (size_t i = 0; i < N_COLUMNS; i++)
        if (strlen(disk_columns[i].heading) == len &&
            strncasecmp(disk_columns[i].heading, name, len) == 0)
            return (int)i;
    return -1;
}

static bool has_column(const struct column_list *list, enum disk_column column)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->items[i] == column)
            return true;
    return false;
}

int column_list_parse(const char *text, struct column_list *list, struct err *e)
{
    const char *name = text;

    list->n = 0;
    if (text == NULL || *text == '+') {
        memcpy(list->items, default_columns, sizeof(default_columns));
        list->n = sizeof(default_columns) / sizeof(default_columns[0]);
    }
    if (text == NULL)
        return 0;
    name += *text == '+';
    for (;;) {
        size_t len = strcspn(name, ",");
        int column = find_column(name, len);

        if (column < 0)
            return unknown_column(text, name, len, e);
        if (list->n == COLUMN_LIST_MAX)
            return err_set(e, ERR_USAGE, "--output %s: more than %d columns", text,
                           COLUMN_LIST_MAX);
        if (*text != '+' || !has_column(list, (enum disk_column)column))
            list->items[list->n++] = (enum disk_column)column;
        if (name[len] == '\0')
            return 0;
        name += len + 1;
    }
}

/* ---- cells ---- */

const char *disk_system_name(const struct survey *survey, const struct survey_partition *p)
{
    for (size_t i = 0; survey->record != NULL && i < survey->record->n_systems; i++)
        if (guid_equal(&survey->record->systems[i].root, &p->uuid))
            return survey->record->systems[i].name;
    return NULL;
}

static char *copy(const char *text)
{
    return text != NULL ? strdup(text) : NULL;
}

static char *amount(uint64_t value, bool bytes, bool exact)
{
    char text[SIZE_TEXT];
    struct err ignored;

    if (bytes)
        return io_format(&ignored, "%" PRIu64, value);
    return strdup(exact ? size_exact(value, text, sizeof(text))
                        : size_human(value, text, sizeof(text)));
}

/* As the kernel and sfdisk call the node: sda1, nvme0n1p1, disk.img1. */
static char *node(const char *path, unsigned number)
{
    size_t len = strlen(path);
    bool digit = len > 0 && isdigit((unsigned char)path[len - 1]);
    struct err ignored;

    return io_format(&ignored, "%s%s%u", path, digit ? "p" : "", number);
}

static char *uuid_cell(const struct survey *survey, const struct guid *uuid)
{
    char text[GUID_TEXT];

    return guid_is_zero(uuid) ? NULL : strdup(table_uuid_print(survey->table, uuid, text));
}

const struct partition_type *disk_type_of(const struct survey_partition *p)
{
    return p->code != 0 ? partition_type_of_code(p->code) : partition_type_of(&p->type);
}

/* The GUID, or on an MBR the code. */
static char *type_number_cell(const struct survey_partition *p)
{
    char text[GUID_TEXT];
    struct err ignored;

    if (p->code != 0)
        return io_format(&ignored, "0x%02x", p->code);
    return guid_is_zero(&p->type) ? NULL : strdup(guid_print(&p->type, text));
}

static char *type_cell(const struct survey_partition *p)
{
    const struct partition_type *type = disk_type_of(p);

    return type != NULL ? strdup(type->long_name) : type_number_cell(p);
}

/* As lsblk has them: of an MBR, the flag's own byte. */
static char *flags_cell(const struct survey *survey, const struct survey_partition *p)
{
    struct err ignored;

    if (p->attributes == 0)
        return NULL;
    if (survey->table == TABLE_MBR)
        return (p->attributes & TABLE_ACTIVE) != 0 ? strdup("0x80") : NULL;
    return io_format(&ignored, "0x%" PRIx64, p->attributes);
}

static char *system_cell(const struct survey *survey, const struct survey_partition *p)
{
    const char *name = disk_system_name(survey, p);
    const char *os = p->system != NULL ? p->system->os : NULL;
    struct err ignored;

    if (name != NULL && os != NULL)
        return io_format(&ignored, "%s: %s", name, os);
    return copy(name != NULL ? name : os);
}

static char *name_cell(const struct survey *survey, const struct survey_partition *p)
{
    const char *slash = strrchr(survey->path, '/');

    return node(slash != NULL ? slash + 1 : survey->path, p->number);
}

static char *number_cell(const struct survey_partition *p)
{
    struct err ignored;

    return io_format(&ignored, "%u", p->number);
}

static char *table_uuid_cell(const struct survey *survey)
{
    char text[GUID_TEXT];

    return survey->table == TABLE_NONE || guid_is_zero(&survey->uuid)
               ? NULL
               : strdup(table_uuid_print(survey->table, &survey->uuid, text));
}

static char *available_cell(const struct survey_partition *p, bool bytes)
{
    struct statvfs fs;

    if (p->mountpoint == NULL || statvfs(p->mountpoint, &fs) < 0)
        return NULL;
    return amount((uint64_t)fs.f_bavail * fs.f_frsize, bytes, false);
}

/* As lsblk counts: of all, to the nearest. */
static char *use_cell(const struct survey_partition *p)
{
    struct statvfs fs;
    struct err ignored;
    uint64_t used, half;

    if (p->mountpoint == NULL || statvfs(p->mountpoint, &fs) < 0 || fs.f_blocks == 0)
        return NULL;
    used = fs.f_blocks - fs.f_bfree;
    half = fs.f_blocks / 2;
    return io_format(&ignored, "%" PRIu64 "%%", (used * 100 + half) / fs.f_blocks);
}

/* What is the same for all partitions of a disk. */
static char *common_cell(const struct survey *survey, enum disk_column column)
{
    switch (column) {
    case COLUMN_PTTYPE:
        return copy(survey->table == TABLE_MBR ? "dos" : "gpt");
    case COLUMN_PTUUID:
        return table_uuid_cell(survey);
    case COLUMN_MODEL:
        return copy(survey->model);
    case COLUMN_SERIAL:
        return copy(survey->serial);
    case COLUMN_WWN:
        return copy(survey->wwn);
    default:
        return NULL;
    }
}

/* What the kernel says of the partition's node; a file has none. */
static char *device_cell(const struct survey *survey, const struct survey_partition *p,
                         enum disk_column column)
{
    _cleanup_free_ char *path = survey->is_file ? NULL : node(survey->path, p->number);
    char folder[SYSFS_FOLDER];
    struct err ignored;
    struct stat st;

    if (path == NULL || stat(path, &st) < 0 || !S_ISBLK(st.st_mode))
        return NULL;
    sysfs_folder(st.st_rdev, folder);
    switch (column) {
    case COLUMN_MAJ_MIN:
        return io_format(&ignored, "%u:%u", major(st.st_rdev), minor(st.st_rdev));
    case COLUMN_RM:
        return sysfs_text(folder, "../removable");
    default:
        return sysfs_text(folder, "ro");
    }
}

/* What the filesystem in a partition says of its room. */
static char *room_cell(const struct survey *survey, const struct survey_partition *p,
                       enum disk_column column, bool bytes)
{
    switch (column) {
    case COLUMN_FSSIZE:
        return p->fs_bytes == 0 ? NULL : amount(p->fs_bytes, bytes, false);
    case COLUMN_FSAVAIL:
        return available_cell(p, bytes);
    case COLUMN_FSUSE:
        return use_cell(p);
    default:
        return common_cell(survey, column);
    }
}

/* What only a partition has. */
static char *partition_cell(const struct survey *survey, const struct survey_partition *p,
                            enum disk_column column, bool bytes)
{
    switch (column) {
    case COLUMN_NAME:
    case COLUMN_KNAME:
        return name_cell(survey, p);
    case COLUMN_PATH:
        return node(survey->path, p->number);
    case COLUMN_MAJ_MIN:
    case COLUMN_RM:
    case COLUMN_RO:
        return device_cell(survey, p, column);
    case COLUMN_NR:
    case COLUMN_PARTN:
        return number_cell(p);
    case COLUMN_PARTLABEL:
        return copy(p->name);
    case COLUMN_TYPE:
        return type_cell(p);
    case COLUMN_PARTTYPE:
        return type_number_cell(p);
    case COLUMN_PARTTYPENAME:
        return copy(partition_type_title(&p->type, p->code));
    case COLUMN_FSTYPE:
        return copy(p->fs);
    case COLUMN_FSVER:
        return copy(p->fs_version);
    case COLUMN_LABEL:
        return copy(p->label);
    case COLUMN_UUID:
        return copy(p->fs_uuid);
    case COLUMN_PARTUUID:
        return uuid_cell(survey, &p->uuid);
    case COLUMN_PARTFLAGS:
        return flags_cell(survey, p);
    case COLUMN_MOUNTPOINT:
    case COLUMN_MOUNTPOINTS:
        return copy(p->mountpoint);
    case COLUMN_SYSTEM:
        return system_cell(survey, p);
    case COLUMN_KERNEL:
        return copy(p->system != NULL ? p->system->kernel : NULL);
    case COLUMN_USED_BY:
        return copy(p->holder);
    case COLUMN_PROBLEM:
        return copy(p->problem);
    default:
        return room_cell(survey, p, column, bytes);
    }
}

char *disk_cell(const struct survey *survey, const struct disk_row *row, enum disk_column column,
                bool bytes)
{
    struct err ignored;

    switch (column) {
    case COLUMN_START:
        return amount(row->range.start, bytes, true);
    case COLUMN_END:
        return amount(extent_end(&row->range), bytes, true);
    case COLUMN_SIZE:
        return amount(row->range.bytes, bytes, false);
    default:
        if (row->partition != NULL)
            return partition_cell(survey, row->partition, column, bytes);
        return column == COLUMN_TYPE ? io_format(&ignored, "free (gap %u)", row->gap) : NULL;
    }
}
