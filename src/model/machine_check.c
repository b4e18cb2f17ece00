// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * machine_check.c: what no single key of a machine file shows: names that collide, references that
 * lead nowhere, sizes that cannot be.
 *
 * Pure, and without a disk: whether sizes fit, and whether a name in the menu stands for a system
 * that only the disk knows, is the planner's to say. An error names the later of two places, and
 * the earlier one in its text.
 */
#include "model/machine_check.h"

#include <string.h>

#define PARTITIONS_MAX 128 /* entries of a GPT as everybody makes it (UEFI 2.10 section 5.3.2) */

/* One of the partitions that the machine needs, with whose it is. */
struct part {
    const struct machine_partition *partition;
    const struct machine_system *system; /* NULL: the disk's own */
    const char *kind;                    /* as messages call what has this name */
    struct position at;                  /* of what has this name */
};

struct parts {
    struct part items[PARTITIONS_MAX];
    size_t n;
};

static int add_part(const struct machine *machine, struct parts *parts, struct part part,
                    struct err *e)
{
    if (parts->n == PARTITIONS_MAX)
        return machine_error(
            machine, part.at, ERR_SYNTAX, e,
            "found more partitions, roots and volumes than the %d that a table has "
            "room for",
            PARTITIONS_MAX);
    parts->items[parts->n++] = part;
    return 0;
}

/* Lists all of them: the disk's, then each system's root and volumes. */
static int collect(const struct machine *machine, struct parts *parts, struct err *e)
{
    for (size_t i = 0; i < machine->n_partitions; i++) {
        const struct machine_partition *partition = &machine->partitions[i];
        struct part part = {partition, NULL, "partition", partition->at};

        if (add_part(machine, parts, part, e) < 0)
            return -1;
    }
    for (size_t i = 0; i < machine->n_systems; i++) {
        const struct machine_system *system = &machine->systems[i];
        struct part root = {&system->root, system, system->host ? "host" : "guest", system->at};

        if (add_part(machine, parts, root, e) < 0)
            return -1;
        for (size_t j = 0; j < system->n_volumes; j++) {
            struct part volume = {&system->volumes[j], system, "volume", system->volumes[j].at};

            if (add_part(machine, parts, volume, e) < 0)
                return -1;
        }
    }
    return 0;
}

static int name_taken(const struct machine *machine, const struct part *first,
                      const struct part *second, struct err *e)
{
    const char *name = second->partition->name;

    if (first->at.line != 0)
        return machine_error(machine, second->at, ERR_SYNTAX, e,
                             "the %s \"%s\" has the name of the %s at line %u, column %u",
                             second->kind, name, first->kind, first->at.line, first->at.column);
    machine_error(machine, second->at, ERR_SYNTAX, e,
                  "the %s \"%s\" has the name of the %s partition that berth adds when the file "
                  "leaves it out",
                  second->kind, name, first->partition->type);
    return err_hint(e, "choose another name, or write {name: ..., type: %s} under partitions",
                    first->partition->type);
}

static int check_names(const struct machine *machine, const struct parts *parts, struct err *e)
{
    for (size_t i = 0; i < parts->n; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(parts->items[i].partition->name, parts->items[j].partition->name) == 0)
                return name_taken(machine, &parts->items[j], &parts->items[i], e);
    return 0;
}

/* A partition has the filesystem of its type, and esp and bios-boot are the disk's. */
static int check_type(const struct machine *machine, const struct part *part, struct err *e)
{
    const struct machine_partition *partition = part->partition;
    const struct machine_type *type = machine_type_find(partition->type);

    if (type->of_disk && part->system != NULL)
        return machine_error(machine, partition->at, ERR_SYNTAX, e,
                             "the volume \"%s\" is of type %s, expected linux or swap",
                             partition->name, type->name);
    if (partition->fs != type->fs)
        return machine_error(machine, partition->at, ERR_SYNTAX, e,
                             "\"%s\" is of type %s with fs %s, expected %s%s", partition->name,
                             type->name, fs_kind_name(partition->fs),
                             type->fs == FS_NONE ? "no fs" : "fs ",
                             type->fs == FS_NONE ? "" : fs_kind_name(type->fs));
    if (partition->size.kind == SIZE_NONE)
        return machine_error(machine, partition->at, ERR_SYNTAX, e,
                             "\"%s\" has no size, expected one such as 512MiB, 30%% or rest",
                             partition->name);
    return 0;
}

static int check_types(const struct machine *machine, const struct parts *parts, struct err *e)
{
    for (size_t i = 0; i < parts->n; i++)
        if (check_type(machine, &parts->items[i], e) < 0)
            return -1;
    return 0;
}

/* There is one esp, and one bios-boot. */
static int check_single(const struct machine *machine, struct err *e)
{
    for (size_t i = 0; i < machine->n_partitions; i++) {
        const struct machine_partition *second = &machine->partitions[i];

        for (size_t j = 0; machine_type_find(second->type)->of_disk && j < i; j++) {
            const struct machine_partition *first = &machine->partitions[j];

            if (strcmp(first->type, second->type) == 0)
                return machine_error(machine, second->at, ERR_SYNTAX, e,
                                     "\"%s\" is a second partition of type %s, after \"%s\" at "
                                     "line %u, column %u",
                                     second->name, second->type, first->name, first->at.line,
                                     first->at.column);
        }
    }
    return 0;
}

static int check_rest(const struct machine *machine, const struct parts *parts, struct err *e)
{
    const struct machine_partition *first = NULL;

    for (size_t i = 0; i < parts->n; i++) {
        const struct machine_partition *partition = parts->items[i].partition;

        if (partition->size.kind != SIZE_REST)
            continue;
        if (first != NULL)
            return machine_error(
                machine, partition->size_at, ERR_SYNTAX, e,
                "\"%s\" takes the rest of the disk, and so does \"%s\" at line %u, "
                "column %u",
                partition->name, first->name, first->size_at.line, first->size_at.column);
        first = partition;
    }
    return 0;
}

static int check_percentages(const struct machine *machine, const struct parts *parts,
                             struct err *e)
{
    uint64_t sum = 0; /* of hundredths; 128 times 10000 at most */
    char text[SIZE_TEXT];

    for (size_t i = 0; i < parts->n; i++) {
        const struct machine_partition *partition = parts->items[i].partition;
        struct size total = {.kind = SIZE_PERCENT};

        if (partition->size.kind != SIZE_PERCENT)
            continue;
        sum += partition->size.value;
        total.value = sum;
        if (sum > 10000)
            return machine_error(
                machine, partition->size_at, ERR_SYNTAX, e,
                "the percentages up to \"%s\" add up to %s, expected 100%% at most",
                partition->name, size_print(&total, text, sizeof(text)));
    }
    return 0;
}

static int check_users(const struct machine *machine, const struct machine_system *system,
                       struct err *e)
{
    for (size_t i = 0; i < system->n_users; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(system->users[i].name, system->users[j].name) == 0)
                return machine_error(
                    machine, system->users[i].at, ERR_SYNTAX, e,
                    "\"%s\" has the user \"%s\" twice, first at line %u, column %u", system->name,
                    system->users[i].name, system->users[j].at.line, system->users[j].at.column);
    return 0;
}

/* A system mounts shared partitions and volumes of its own: never the ESP, never another's root. */
static int check_mount(const struct machine *machine, const struct parts *parts,
                       const struct machine_system *system, const struct machine_mount *mount,
                       struct err *e)
{
    for (size_t i = 0; i < parts->n; i++) {
        const struct part *part = &parts->items[i];

        if (strcmp(part->partition->name, mount->partition) != 0)
            continue;
        if (part->system != NULL && part->system != system)
            return machine_error(machine, mount->at, ERR_SYNTAX, e,
                                 "%s mounts \"%s\", which belongs to \"%s\"", mount->path,
                                 mount->partition, part->system->name);
        if (strcmp(part->partition->type, "linux") != 0)
            return machine_error(machine, mount->at, ERR_SYNTAX, e,
                                 "%s mounts \"%s\" of type %s, expected a partition of type linux",
                                 mount->path, mount->partition, part->partition->type);
        return 0;
    }
    return machine_error(machine, mount->at, ERR_SYNTAX, e,
                         "%s mounts \"%s\", and no partition of this file has that name",
                         mount->path, mount->partition);
}

static int check_systems(const struct machine *machine, const struct parts *parts, struct err *e)
{
    for (size_t i = 0; i < machine->n_systems; i++) {
        const struct machine_system *system = &machine->systems[i];

        if (check_users(machine, system, e) < 0)
            return -1;
        for (size_t j = 0; j < system->n_mounts; j++)
            if (check_mount(machine, parts, system, &system->mounts[j], e) < 0)
                return -1;
    }
    return 0;
}

static int check_menu(const struct machine *machine, struct err *e)
{
    const struct strings *order = &machine->menu.order;

    for (size_t i = 0; i < order->n; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(order->items[i], order->items[j]) == 0)
                return machine_error(machine, machine->menu.order_at, ERR_SYNTAX, e,
                                     "the menu's order has \"%s\" twice", order->items[i]);
    return 0;
}

int machine_check(const struct machine *machine, struct err *e)
{
    struct parts parts = {.n = 0};

    if (collect(machine, &parts, e) < 0 || check_names(machine, &parts, e) < 0 ||
        check_types(machine, &parts, e) < 0 || check_single(machine, e) < 0 ||
        check_rest(machine, &parts, e) < 0 || check_percentages(machine, &parts, e) < 0 ||
        check_systems(machine, &parts, e) < 0)
        return -1;
    return check_menu(machine, e);
}
