// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * plan_match.c: which of the partitions that the file names are on the disk already.
 *
 * A partition is known by its PARTUUID where the record names it, else by its name. One that is not
 * of the record, complete and not what berth would have made there is never touched.
 */
#include "core/cleanup.h"
#include "flow/plan_parts.h"
#include "os/identify.h"
#include "partition/type.h"

#include <string.h>
#include <strings.h>

static int check_identity(const char *what, const char *wanted, const char *found,
                          const struct survey *survey, struct err *e)
{
    if (wanted == NULL || (found != NULL && strcmp(wanted, found) == 0))
        return 0;
    err_set(e, ERR_REFUSED, "%s is another disk: its %s is %s, not %s", survey->path, what,
            found != NULL ? found : "not known", wanted);
    return err_hint(e, "name the disk by its /dev/disk/by-id path, or correct the %s", what);
}

static int check_table(const struct survey *survey, struct err *e)
{
    if (survey->table == TABLE_MBR) {
        err_set(e, ERR_UNSUPPORTED, "%s has an MBR partition table: not supported yet",
                survey->path);
        return err_hint(e, "use a disk with a GPT, or an empty one");
    }
    if (survey->table == TABLE_NONE && survey->unknown_data) {
        err_set(e, ERR_REFUSED, "%s has no partition table that berth knows, yet it is not empty",
                survey->path);
        return err_hint(e, "if nothing on it is needed, empty it first: wipefs --all, then "
                           "blkdiscard or truncate");
    }
    return 0;
}

int plan_check_disk(const struct plan *plan, const struct plan_options *options, struct err *e)
{
    const struct survey *survey = plan->survey;
    const struct machine *machine = plan->machine;

    if (check_identity("serial", machine->disk.serial, survey->serial, survey, e) < 0 ||
        check_identity("serial", options->serial, survey->serial, survey, e) < 0 ||
        check_identity("wwn", machine->disk.wwn, survey->wwn, survey, e) < 0 ||
        check_identity("wwn", options->wwn, survey->wwn, survey, e) < 0)
        return -1;
    if (survey->record != NULL && survey->record->needs > RECORD_LEVEL) {
        err_set(e, ERR_REFUSED, "the record on %s is of level %d: this berth knows up to %d",
                survey->path, survey->record->needs, RECORD_LEVEL);
        return err_hint(e, "use the newer berth that wrote it");
    }
    return check_table(survey, e);
}

static enum content content_of(const struct machine_partition *wanted, bool is_root)
{
    if (is_root)
        return CONTENT_SYSTEM;
    if (strcmp(wanted->type, "esp") == 0)
        return CONTENT_ESP;
    if (strcmp(wanted->type, "bios-boot") == 0)
        return CONTENT_BIOS;
    if (strcmp(wanted->type, "swap") == 0)
        return CONTENT_SWAP;
    return wanted->fs == FS_EXT4 ? CONTENT_EXT4 : CONTENT_NONE;
}

/* The partition that the record says is the system's root or volume of that name. */
static const struct survey_partition *find_recorded(const struct plan *plan,
                                                    const struct plan_partition *p)
{
    const struct record_system *system = plan->survey->record == NULL || p->system == NULL
                                             ? NULL
                                             : record_system(plan->survey->record, p->system->name);

    if (system == NULL)
        return NULL;
    if (p->content == CONTENT_SYSTEM)
        return survey_by_uuid(plan->survey, &system->root);
    for (size_t i = 0; i < system->n_volumes; i++)
        if (strcmp(system->volumes[i].name, p->wanted->name) == 0)
            return survey_by_uuid(plan->survey, &system->volumes[i].partition);
    return NULL;
}

/* A disk has one ESP and one BIOS boot partition, whatever they are called. */
static const struct survey_partition *find_by_type(const struct survey *survey, const char *type)
{
    for (size_t i = 0; i < survey->n_partitions; i++)
        if (partition_type_is(&survey->partitions[i].type, type))
            return &survey->partitions[i];
    return NULL;
}

static const struct survey_partition *find(const struct plan *plan, const struct plan_partition *p)
{
    const struct survey_partition *found = find_recorded(plan, p);

    if (found == NULL && (p->content == CONTENT_ESP || p->content == CONTENT_BIOS))
        found = find_by_type(plan->survey, p->wanted->type);
    return found != NULL ? found : survey_by_name(plan->survey, p->wanted->name);
}

/* The filesystem's UUID follows from the partition's, and a root's from its image's digest too: so
 * a partition that was completed is known again although the power failed before the record. */
static void derive_fs_uuid(struct plan_partition *p)
{
    guid_derive(&p->uuid, p->content == CONTENT_SYSTEM ? p->image->digest : "filesystem",
                &p->fs_uuid);
}

static bool has_fs_uuid(const struct plan_partition *p)
{
    char text[GUID_TEXT];

    return p->found->fs_uuid != NULL &&
           strcasecmp(p->found->fs_uuid, guid_print(&p->fs_uuid, text)) == 0;
}

static int refuse_foreign(const struct plan *plan, const struct plan_partition *p, struct err *e)
{
    machine_error(plan->machine, p->wanted->at, ERR_REFUSED, e,
                  "partition %u of %s is called %s and was not made by berth: it stays untouched",
                  p->found->number, plan->survey->path, p->wanted->name);
    return err_hint(e, "give the partition of the file another name");
}

static const char *fs_type_name(enum content content)
{
    return content == CONTENT_SWAP ? "swap" : content == CONTENT_ESP ? "vfat" : "ext4";
}

/* A complete partition that is there: is it what the file means? */
static int check_found(const struct plan *plan, struct plan_partition *p, struct err *e)
{
    bool recorded = find_recorded(plan, p) != NULL;

    if (p->content == CONTENT_SYSTEM && !recorded && !has_fs_uuid(p))
        return refuse_foreign(plan, p, e);
    if (p->content == CONTENT_ESP && plan->survey->record == NULL) {
        err_set(e, ERR_UNSUPPORTED,
                "the EFI system partition of %s is not berth's: taking over an existing one is not "
                "supported yet",
                plan->survey->path);
        return err_hint(e, "use a disk of its own, or an image file");
    }
    if ((p->content == CONTENT_EXT4 || p->content == CONTENT_SWAP) &&
        (p->found->fs == NULL || strcmp(p->found->fs, fs_type_name(p->content)) != 0))
        return machine_error(plan->machine, p->wanted->at, ERR_REFUSED, e,
                             "%s is there and holds %s, not %s: nothing is formatted again",
                             p->wanted->name, p->found->fs != NULL ? p->found->fs : "no filesystem",
                             fs_type_name(p->content));
    return 0;
}

/* An incomplete partition holds nothing yet: it may be placed anew when the size has changed. */
static bool incomplete_fits(const struct plan_partition *p)
{
    return p->wanted->size.kind != SIZE_BYTES ||
           round_up(p->wanted->size.value, MIB) == p->found->range.bytes;
}

static int check_size(struct plan *plan, const struct plan_partition *p, struct err *e)
{
    char wanted[SIZE_TEXT], there[SIZE_TEXT];
    uint64_t bytes = round_up(p->wanted->size.value, MIB);

    if (p->wanted->size.kind != SIZE_BYTES || bytes == p->found->range.bytes ||
        p->content == CONTENT_ESP || p->content == CONTENT_BIOS)
        return 0;
    size_exact(p->wanted->size.value, wanted, sizeof(wanted));
    size_exact(p->found->range.bytes, there, sizeof(there));
    if (bytes < p->found->range.bytes)
        return plan_note(plan, e, "%s has %s and the file says %s: nothing is shrunk",
                         p->wanted->name, there, wanted);
    machine_error(plan->machine, p->wanted->size_at, ERR_UNSUPPORTED, e,
                  "%s has %s and the file says %s: growing is not supported yet", p->wanted->name,
                  there, wanted);
    return err_hint(e, "leave its size at %s", there);
}

static int match_one(struct plan *plan, struct plan_partition *p, struct err *e)
{
    p->found = find(plan, p);
    p->fill = p->found == NULL || p->found->incomplete;
    if (p->found != NULL && p->found->incomplete && !incomplete_fits(p))
        p->found = NULL;
    if (p->found == NULL) {
        if (guid_new(&p->uuid, e) < 0)
            return -1;
        derive_fs_uuid(p);
        return 0;
    }
    p->uuid = p->found->uuid;
    p->number = p->found->number;
    p->range = p->found->range;
    derive_fs_uuid(p);
    return p->fill ? 0 : check_found(plan, p, e) < 0 ? -1 : check_size(plan, p, e);
}

static int add(struct plan *plan, const struct machine_partition *wanted,
               const struct machine_system *system, const struct image *image, struct err *e)
{
    struct plan_partition *p = &plan->partitions[plan->n_partitions++];
    bool is_root = system != NULL && wanted == &system->root;

    *p = (struct plan_partition){.wanted = wanted,
                                 .system = system,
                                 .image = is_root ? image : NULL,
                                 .content = content_of(wanted, is_root)};
    return match_one(plan, p, e);
}

static const char *host_family(const struct plan *plan, const struct image *images)
{
    const struct record *record = plan->survey->record;

    if (plan->machine->n_systems > 0 && plan->machine->systems[0].host)
        return images[0].family;
    for (size_t i = 0; record != NULL && i < record->n_systems; i++)
        if (record->systems[i].host)
            return record->systems[i].family;
    return FAMILY_LINUX;
}

/* The family rule (design): a partition guest is of its host's family. */
static int check_family(const struct plan *plan, const struct image *images, struct err *e)
{
    const char *family = host_family(plan, images);

    for (size_t i = 0; i < plan->machine->n_systems; i++) {
        const struct machine_system *system = &plan->machine->systems[i];

        if (strcmp(images[i].family, family) != 0) {
            machine_error(plan->machine, system->at, ERR_REFUSED, e,
                          "%s: its image %s (%s) is of family %s, and a guest on a partition must "
                          "be of the host's family, %s",
                          system->name, images[i].name, images[i].os, images[i].family, family);
            return err_hint(e,
                            "a system of another family belongs in a virtual machine with a disk "
                            "image of its own, not on a partition");
        }
        if (strcmp(images[i].family, FAMILY_LINUX) != 0)
            return machine_error(plan->machine, system->at, ERR_UNSUPPORTED, e,
                                 "%s: installing systems of family %s is not supported yet",
                                 system->name, images[i].family);
    }
    return 0;
}

int plan_match(struct plan *plan, const struct image *images, struct err *e)
{
    const struct machine *machine = plan->machine;
    size_t n = machine->n_partitions;

    if (check_family(plan, images, e) < 0)
        return -1;
    for (size_t i = 0; i < machine->n_systems; i++)
        n += 1 + machine->systems[i].n_volumes;
    plan->partitions = calloc(n + 1, sizeof(*plan->partitions));
    if (plan->partitions == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < machine->n_partitions; i++)
        if (add(plan, &machine->partitions[i], NULL, NULL, e) < 0)
            return -1;
    for (size_t i = 0; i < machine->n_systems; i++) {
        const struct machine_system *system = &machine->systems[i];

        if (add(plan, &system->root, system, &images[i], e) < 0)
            return -1;
        for (size_t k = 0; k < system->n_volumes; k++)
            if (add(plan, &system->volumes[k], system, NULL, e) < 0)
                return -1;
    }
    return 0;
}
