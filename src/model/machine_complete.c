// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * machine_complete.c: fills in what a machine file leaves out.
 *
 * What it adds could have been written: the completed machine, printed, reads back to itself.
 */
#include "model/machine_check.h"

#include <stdlib.h>
#include <string.h>

#define MODE_DEFAULT 0644

/* The ESP has room for a FAT32 with 4096-byte sectors; 2 MiB is more than any GRUB core image. */
static const struct machine_type types[] = {
    {"esp", FS_VFAT, 300 * MIB, "esp", true}, {"bios-boot", FS_NONE, 2 * MIB, "bios", true},
    {"linux", FS_EXT4, 0, NULL, false},       {"swap", FS_SWAP, 0, NULL, false},
    {"root", FS_EXT4, 0, NULL, false},
};

#define TYPES (sizeof(types) / sizeof(types[0]))

const struct machine_type *machine_type_find(const char *name)
{
    for (size_t i = 0; i < TYPES; i++)
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    return NULL;
}

static int complete_partition(struct machine_partition *partition, struct err *e)
{
    const struct machine_type *type;

    if (partition->type == NULL)
        partition->type = strdup("linux");
    if (partition->type == NULL)
        return err_no_memory(e);
    type = machine_type_find(partition->type);
    if (partition->fs == FS_NONE)
        partition->fs = type->fs;
    if (partition->size.kind == SIZE_NONE && type->bytes != 0)
        partition->size = (struct size){.kind = SIZE_BYTES, .value = type->bytes};
    return 0;
}

static int complete_system(struct machine_system *system, struct err *e)
{
    system->root.name = strdup(system->name);
    system->root.type = strdup("root");
    if (system->root.name == NULL || system->root.type == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < system->n_volumes; i++)
        if (complete_partition(&system->volumes[i], e) < 0)
            return -1;
    for (size_t i = 0; i < system->n_files; i++)
        if (system->files[i].mode == 0)
            system->files[i].mode = MODE_DEFAULT;
    return complete_partition(&system->root, e);
}

static bool has_type(const struct machine *machine, const char *type)
{
    for (size_t i = 0; i < machine->n_partitions; i++)
        if (strcmp(machine->partitions[i].type, type) == 0)
            return true;
    return false;
}

/* Puts an empty partition in front of the others. */
static struct machine_partition *prepend(struct machine *machine, struct err *e)
{
    struct machine_partition *grown =
        realloc(machine->partitions, (machine->n_partitions + 1) * sizeof(*grown));

    if (grown == NULL) {
        err_no_memory(e);
        return NULL;
    }
    memmove(grown + 1, grown, machine->n_partitions * sizeof(*grown));
    memset(grown, 0, sizeof(*grown));
    machine->partitions = grown;
    machine->n_partitions++;
    return grown;
}

static int add_left_out(struct machine *machine, const struct machine_type *type, struct err *e)
{
    struct machine_partition *partition;

    if (has_type(machine, type->name))
        return 0;
    partition = prepend(machine, e);
    if (partition == NULL)
        return -1;
    partition->name = strdup(type->added);
    partition->type = strdup(type->name);
    if (partition->name == NULL || partition->type == NULL)
        return err_no_memory(e);
    return complete_partition(partition, e);
}

int machine_complete(struct machine *machine, struct err *e)
{
    /* BIOSes boot from 512-byte sectors only. */
    bool bios = machine->disk.sector_size != 4096;

    for (size_t i = 0; i < machine->n_partitions; i++)
        if (complete_partition(&machine->partitions[i], e) < 0)
            return -1;
    for (size_t i = 0; i < machine->n_systems; i++)
        if (complete_system(&machine->systems[i], e) < 0)
            return -1;
    if (bios && add_left_out(machine, machine_type_find("bios-boot"), e) < 0)
        return -1;
    return add_left_out(machine, machine_type_find("esp"), e);
}
