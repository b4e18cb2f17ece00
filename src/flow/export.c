// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * export.c: a survey as a machine file. Pure.
 *
 * A disk with a record of berth's has its systems, their run defaults and the menu. Without one
 * there are partitions only: an ESP is then another system's, and what only a machine with systems
 * needs is not asked for (plan_match.c).
 */
#include "flow/export.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "partition/type.h"

#include <stdarg.h>
#include <string.h>

struct exporter {
    const struct survey *survey;
    const struct record *record; /* or NULL */
    struct machine *machine;
    struct strings *left_out, names;
};

static int leave_out(struct exporter *x, struct err *e, const char *fmt, ...) ERR_PRINTF(3, 4);

static int leave_out(struct exporter *x, struct err *e, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return strings_add(x->left_out, text, strlen(text), e);
}

static int set(char **slot, const char *text, struct err *e)
{
    if (text == NULL)
        return 0;
    *slot = strdup(text);
    return *slot == NULL ? err_no_memory(e) : 0;
}

/* One namespace: names of partitions, roots and volumes. */
static int take_name(struct exporter *x, const char *name, struct err *e)
{
    return strings_add(&x->names, name, strlen(name), e);
}

/* ---- partitions ---- */

static int fill(struct machine_partition *to, const char *name, const char *type, enum fs_kind fs,
                const struct survey_partition *p, struct err *e)
{
    to->size = (struct size){SIZE_BYTES, p->range.bytes};
    to->fs = fs;
    return set(&to->name, name, e) < 0 ? -1 : set(&to->type, type, e);
}

static bool holds(const struct survey_partition *p, const char *type, const char *fs)
{
    return partition_type_is(&p->type, type) && p->fs != NULL && strcmp(p->fs, fs) == 0;
}

/* Why a partition is none that a machine file can name; NULL: it can. */
static const char *why_not(const struct exporter *x, const struct survey_partition *p)
{
    if (p->incomplete)
        return "it is being filled";
    if (!holds(p, "linux", "ext4") && !holds(p, "swap", "swap"))
        return "a machine file knows partitions of type linux with ext4 and of type swap";
    if (!name_is_valid(p->name))
        return "its name is none that a machine file can have";
    if (strings_have(&x->names, p->name))
        return "its name is another one's too";
    if (x->record == NULL && (strcmp(p->name, "esp") == 0 || strcmp(p->name, "bios") == 0))
        return "its name is what berth calls a partition to boot from";
    return NULL;
}

static const struct survey_partition *boot_partition(const struct survey *survey, const char *type)
{
    for (size_t i = 0; i < survey->n_partitions; i++) {
        const struct survey_partition *p = &survey->partitions[i];

        if (partition_type_is(&p->type, type) &&
            (survey->esp == p->number || strcmp(type, "esp") != 0))
            return p;
    }
    return NULL;
}

/* The ESP that has the record, or the BIOS boot partition, whose names nobody asks for. */
static int add_boot(struct exporter *x, const char *type, const char *usual, enum fs_kind fs,
                    struct err *e)
{
    const struct survey_partition *p = boot_partition(x->survey, type);
    const char *name = p != NULL && name_is_valid(p->name) ? p->name : usual;

    if (p == NULL)
        return 0;
    if (take_name(x, name, e) < 0)
        return -1;
    return fill(&x->machine->partitions[x->machine->n_partitions++], name, type, fs, p, e);
}

static bool is_boot(const struct exporter *x, const struct survey_partition *p)
{
    return x->record != NULL &&
           (p == boot_partition(x->survey, "esp") || p == boot_partition(x->survey, "bios-boot"));
}

static int add_partition(struct exporter *x, const struct survey_partition *p, struct err *e)
{
    const char *why = why_not(x, p);
    bool swap = holds(p, "swap", "swap");

    if (is_boot(x, p) || (x->record != NULL && record_owner(x->record, &p->uuid) != NULL))
        return 0;
    if (why != NULL)
        return leave_out(x, e, "partition %u (%s) stays as it is: %s", p->number,
                         *p->name != '\0' ? p->name : "no name", why);
    if (take_name(x, p->name, e) < 0)
        return -1;
    return fill(&x->machine->partitions[x->machine->n_partitions++], p->name,
                swap ? "swap" : "linux", swap ? FS_SWAP : FS_EXT4, p, e);
}

static int add_partitions(struct exporter *x, struct err *e)
{
    x->machine->partitions = calloc(x->survey->n_partitions + 1, sizeof(*x->machine->partitions));
    if (x->machine->partitions == NULL)
        return err_no_memory(e);
    if (x->record != NULL && (add_boot(x, "esp", "esp", FS_VFAT, e) < 0 ||
                              add_boot(x, "bios-boot", "bios", FS_NONE, e) < 0))
        return -1;
    for (size_t i = 0; i < x->survey->n_partitions; i++)
        if (add_partition(x, &x->survey->partitions[i], e) < 0)
            return -1;
    return 0;
}

/* ---- systems ---- */

static int add_volumes(struct exporter *x, const struct record_system *from,
                       struct machine_system *to, struct err *e)
{
    to->volumes = calloc(from->n_volumes + 1, sizeof(*to->volumes));
    if (to->volumes == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < from->n_volumes; i++) {
        const struct record_volume *volume = &from->volumes[i];
        const struct survey_partition *p = survey_by_uuid(x->survey, &volume->partition);
        bool swap = p != NULL && holds(p, "swap", "swap");

        if (p == NULL || (!swap && !holds(p, "linux", "ext4"))) {
            if (leave_out(x, e, "the volume %s of %s stays as it is: it is not what it was made",
                          volume->name, from->name) < 0)
                return -1;
            continue;
        }
        if (take_name(x, volume->name, e) < 0 ||
            fill(&to->volumes[to->n_volumes++], volume->name, swap ? "swap" : "linux",
                 swap ? FS_SWAP : FS_EXT4, p, e) < 0)
            return -1;
    }
    return 0;
}

/* The record has no paths: where the image came from one, its digest stands for it, and a plan
 * takes what is installed for it. */
static int add_system(struct exporter *x, const struct record_system *from, struct err *e)
{
    struct machine_system *to = &x->machine->systems[x->machine->n_systems];
    const struct survey_partition *root = survey_by_uuid(x->survey, &from->root);

    if (root == NULL)
        return leave_out(x, e, "%s is left out: its partition is not there", from->name);
    x->machine->n_systems++;
    to->host = from->host;
    to->run.memory = from->memory;
    to->run.cpus = from->cpus;
    if (take_name(x, from->name, e) < 0 || set(&to->name, from->name, e) < 0 ||
        set(&to->image, from->image != NULL ? from->image : from->digest, e) < 0 ||
        fill(&to->root, from->name, "root", FS_EXT4, root, e) < 0 ||
        set(&to->kernel_options, from->kernel_options, e) < 0 ||
        set(&to->run.net, from->net, e) < 0 || set(&to->run.engine, from->engine, e) < 0)
        return -1;
    if (from->image == NULL &&
        leave_out(x, e, "the image of %s was a file: its digest stands for it", from->name) < 0)
        return -1;
    return add_volumes(x, from, to, e);
}

/* The host comes first. */
static int add_systems(struct exporter *x, struct err *e)
{
    size_t n = x->record != NULL ? x->record->n_systems : 0;

    x->machine->systems = calloc(n + 1, sizeof(*x->machine->systems));
    if (x->machine->systems == NULL)
        return err_no_memory(e);
    for (int host = 1; host >= 0; host--)
        for (size_t i = 0; i < n; i++)
            if (x->record->systems[i].host == (host == 1) &&
                add_system(x, &x->record->systems[i], e) < 0)
                return -1;
    if (x->machine->n_systems == 0)
        return 0;
    return leave_out(
        x, e,
        "users, passwords, hostnames, files and what else counts only when a system is "
        "made is in the systems, and not here");
}

static int add_menu(struct exporter *x, struct err *e)
{
    struct machine_menu *menu = &x->machine->menu;
    const struct record *record = x->record;

    if (record == NULL)
        return 0;
    x->machine->has_menu = menu->has_timeout = true;
    menu->timeout = record->menu_timeout;
    menu->vga = record->vga;
    menu->serial = record->serial;
    for (size_t i = 0; i < record->n_menu_order; i++)
        if (strings_add(&menu->order, record->menu_order[i], strlen(record->menu_order[i]), e) < 0)
            return -1;
    return set(&menu->default_name, record->menu_default, e);
}

/* ---- the disk ---- */

static int add_disk(struct exporter *x, const char *path, struct err *e)
{
    struct machine_disk *disk = &x->machine->disk;
    const struct survey *survey = x->survey;

    if (survey->is_file) {
        disk->bytes = survey->bytes;
        disk->sector_size = survey->sector;
    }
    if (text_is_line(path) ? set(&disk->path, path, e) < 0
                           : leave_out(x, e, "the disk's path is none that YAML can have") < 0)
        return -1;
    if (survey->serial != NULL && text_is_line(survey->serial) &&
        set(&disk->serial, survey->serial, e) < 0)
        return -1;
    return survey->wwn != NULL && text_is_line(survey->wwn) ? set(&disk->wwn, survey->wwn, e) : 0;
}

static int check(const struct survey *survey, struct err *e)
{
    const struct damage *worst = damage_worst(survey->damage, survey->n_damage);

    if (survey->table == TABLE_NONE)
        return err_set(e, ERR_NOT_FOUND, "%s has no partition table", survey->path);
    if (survey->table == TABLE_MBR) {
        err_set(e, ERR_UNSUPPORTED, "%s has an MBR, and a machine file describes a GPT",
                survey->path);
        return err_hint(e, "--format sfdisk says an MBR too");
    }
    if (worst == NULL)
        return 0;
    err_set(e, ERR_REFUSED, "%s: %s", survey->path, worst->text);
    return err_hint(e, "`berth disk check` says what can be done about it");
}

struct machine *export_machine(const struct survey *survey, const char *path,
                               struct strings *left_out, struct err *e)
{
    _cleanup_machine_ struct machine *machine = calloc(1, sizeof(*machine));
    struct exporter x = {
        .survey = survey, .record = survey->record, .machine = machine, .left_out = left_out};
    int result;

    if (machine == NULL) {
        err_no_memory(e);
        return NULL;
    }
    if (check(survey, e) < 0)
        return NULL;
    result = add_disk(&x, path, e);
    if (result == 0 && x.record != NULL)
        result = set(&machine->name, x.record->machine, e);
    if (result < 0 || add_systems(&x, e) < 0 || add_partitions(&x, e) < 0 || add_menu(&x, e) < 0)
        result = -1;
    strings_clear(&x.names);
    return result < 0 ? NULL : steal(machine);
}
