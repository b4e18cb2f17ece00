// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * plan_match.c: which of the partitions that the file names are on the disk already.
 *
 * A partition is known by its PARTUUID where the record names it, else by its name. One that is not
 * of the record, complete and not what berth would have made there is never touched.
 */
#include "core/cleanup.h"
#include "core/shell.h"
#include "flow/change.h"
#include "intent/plan_parts.h"
#include "os/identify.h"
#include "partition/type.h"

#include <string.h>
#include <strings.h>

/* The disk belongs to the machine and the host that its record names. */
static int check_machine(const struct plan *plan, struct err *e)
{
    const struct record *record = plan->survey->record;
    const struct machine *machine = plan->machine;

    if (record == NULL)
        return 0;
    if (record->machine != NULL && machine->name != NULL &&
        strcmp(record->machine, machine->name) != 0) {
        err_set(e, ERR_REFUSED, "%s is the disk of the machine %s, and %s describes %s",
                plan->survey->path, record->machine, machine->path, machine->name);
        return err_hint(e, "name the right disk with --disk, or correct name: in the file");
    }
    for (size_t i = 0; i < record->n_systems; i++) {
        const struct record_system *there = &record->systems[i];
        const struct machine_system *wanted = machine_system(machine, there->name);
        bool other_host = there->host && machine->n_systems > 0 && machine->systems[0].host &&
                          strcmp(machine->systems[0].name, there->name) != 0;

        if (other_host || (wanted != NULL && wanted->host != there->host))
            return machine_error(machine, wanted != NULL ? wanted->at : machine->systems[0].at,
                                 ERR_REFUSED, e,
                                 "%s is the %s on %s: who is the host is not changed", there->name,
                                 there->host ? "host" : "guest", plan->survey->path);
    }
    return 0;
}

static int check_table(const struct survey *survey, struct err *e)
{
    if (change_refuse_damage(survey->damage, survey->n_damage, survey->path, e) < 0)
        return err_wrap(e, "%s", survey->path);
    if (survey->table == TABLE_MBR) {
        err_set(e, ERR_UNSUPPORTED, "%s has an MBR partition table: not supported yet",
                survey->path);
        return err_hint(e, "use a disk with a GPT, or an empty one");
    }
    if (survey->table == TABLE_NONE && survey->unknown_data) {
        err_set(e, ERR_REFUSED,
                "%s has no partition table that berth knows, yet it is not empty%s%s", survey->path,
                survey->fs != NULL ? ": it holds " : "", survey->fs != NULL ? survey->fs : "");
        return err_hint(e, "if nothing on it is needed, empty it first: wipefs --all, then "
                           "blkdiscard or truncate");
    }
    return 0;
}

int plan_check_disk(const struct plan *plan, const struct plan_options *options, struct err *e)
{
    const struct survey *survey = plan->survey;
    const struct machine *machine = plan->machine;

    if (plan_check_identity(survey, machine->disk.serial, machine->disk.wwn, e) < 0 ||
        plan_check_identity(survey, options->serial, options->wwn, e) < 0)
        return -1;
    if (survey->record != NULL && survey->record->needs > RECORD_LEVEL) {
        err_set(e, ERR_REFUSED, "the record on %s is of level %d: this berth knows up to %d",
                survey->path, survey->record->needs, RECORD_LEVEL);
        return err_hint(e, "use the newer berth that wrote it");
    }
    return check_table(survey, e) < 0 ? -1 : check_machine(plan, e);
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

/* A disk has one ESP and one BIOS boot partition, whatever they are called; of several ESPs the one
 * that has the record. */
static const struct survey_partition *find_by_type(const struct survey *survey, const char *type)
{
    const struct survey_partition *first = NULL;

    for (size_t i = 0; i < survey->n_partitions; i++) {
        const struct survey_partition *p = &survey->partitions[i];

        if (!partition_type_is(&p->type, type))
            continue;
        if (p->number == survey->esp)
            return p;
        if (first == NULL)
            first = p;
    }
    return first;
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
    return content == CONTENT_SWAP ? "swap" : "ext4";
}

/* GRUB and its menu of another system stay that system's. */
static int check_boot_partition(const struct plan *plan, const struct plan_partition *p,
                                struct err *e)
{
    if (plan->survey->record != NULL)
        return 0;
    err_set(e, ERR_UNSUPPORTED,
            "partition %u of %s (%s) belongs to another boot loader: taking it over is not "
            "supported yet",
            p->found->number, plan->survey->path, p->wanted->type);
    return err_hint(e, "use a disk of its own, or an image file");
}

static int check_type(const struct plan *plan, const struct plan_partition *p, struct err *e)
{
    const struct partition_type *there = partition_type_of(&p->found->type);

    if (there != NULL && strcmp(there->name, p->wanted->type) == 0)
        return 0;
    return machine_error(plan->machine, p->wanted->at, ERR_REFUSED, e,
                         "%s is there with the partition type %s, not %s: it is not changed",
                         p->wanted->name, there != NULL ? there->name : "of something else",
                         p->wanted->type);
}

static int check_fs(const struct plan *plan, const struct plan_partition *p, struct err *e)
{
    const char *fs = fs_type_name(p->content);

    if (p->content == CONTENT_NONE || (p->found->fs != NULL && strcmp(p->found->fs, fs) == 0))
        return 0;
    return machine_error(plan->machine, p->wanted->at, ERR_REFUSED, e,
                         "%s is there and holds %s, not %s: nothing is formatted again",
                         p->wanted->name, p->found->fs != NULL ? p->found->fs : "no filesystem",
                         fs);
}

/* A complete partition that is there: is it what the file means? One that shall belong to a system
 * must be known to be berth's; a common one may have come from anywhere. */
static int check_found(const struct plan *plan, struct plan_partition *p, struct err *e)
{
    bool known = find_recorded(plan, p) != NULL || has_fs_uuid(p) ||
                 (p->content == CONTENT_NONE && p->found->fs == NULL);

    if (p->content == CONTENT_ESP || p->content == CONTENT_BIOS)
        return check_boot_partition(plan, p, e);
    if (p->system != NULL && !known)
        return refuse_foreign(plan, p, e);
    return check_type(plan, p, e) < 0 ? -1 : check_fs(plan, p, e);
}

/* An incomplete partition holds nothing yet: it may be placed anew when the size has changed. */
static bool incomplete_fits(const struct plan_partition *p)
{
    return p->found->range.bytes >= plan_least_bytes(p) &&
           (p->wanted->size.kind != SIZE_BYTES ||
            round_up(p->wanted->size.value, MIB) == p->found->range.bytes);
}

/* A partition that was cut shorter than its filesystem gets nothing but its size back, and that by
 * a command of its own. */
static int check_overhang(const struct plan *plan, const struct plan_partition *p, struct err *e)
{
    char has[SIZE_TEXT], needs[SIZE_TEXT];

    if (survey_overhang(p->found).bytes == 0)
        return 0;
    size_exact(p->found->fs_bytes, needs, sizeof(needs));
    machine_error(plan->machine, p->wanted->size_at, ERR_REFUSED, e,
                  "%s has %s, its %s takes %s: the end of that lies behind it", p->wanted->name,
                  size_exact(p->found->range.bytes, has, sizeof(has)), p->found->fs, needs);
    return err_hint(e, "berth part resize %s %u --size %s puts its entry right",
                    shell_quote(plan->survey->path).text, p->found->number, needs);
}

/* What follows a partition that grows is not moved out of its way. */
static int check_growth(struct plan *plan, const struct plan_partition *p, struct err *e)
{
    char there[SIZE_TEXT], wanted[SIZE_TEXT];

    size_exact(p->found->range.bytes, there, sizeof(there));
    size_exact(p->range.bytes, wanted, sizeof(wanted));
    if (p->content == CONTENT_NONE)
        return machine_error(plan->machine, p->wanted->size_at, ERR_REFUSED, e,
                             "%s has %s and the file says %s: what is in it is not berth's to grow",
                             p->wanted->name, there, wanted);
    for (size_t i = 0; i < plan->survey->n_partitions; i++) {
        const struct survey_partition *other = &plan->survey->partitions[i];

        if (other == p->found || !extent_overlaps(&other->range, &p->range))
            continue;
        machine_error(plan->machine, p->wanted->size_at, ERR_NO_SPACE, e,
                      "%s cannot grow from %s to %s: partition %u (%s) follows it", p->wanted->name,
                      there, wanted, other->number, other->name);
        return err_hint(e, "`berth part move %s %u --start ...` makes room",
                        shell_quote(plan->survey->path).text, other->number);
    }
    if (extent_contains(&plan->survey->usable, &p->range))
        return 0;
    return machine_error(plan->machine, p->wanted->size_at, ERR_NO_SPACE, e,
                         "%s cannot grow from %s to %s: the disk ends before", p->wanted->name,
                         there, wanted);
}

static int check_size(struct plan *plan, struct plan_partition *p, struct err *e)
{
    char wanted[SIZE_TEXT], there[SIZE_TEXT];
    uint64_t bytes = round_up(p->wanted->size.value, MIB);

    if (p->wanted->size.kind != SIZE_BYTES || bytes == p->found->range.bytes ||
        p->wanted->size.value == p->found->range.bytes || p->content == CONTENT_ESP ||
        p->content == CONTENT_BIOS)
        return 0;
    size_exact(p->wanted->size.value, wanted, sizeof(wanted));
    size_exact(p->found->range.bytes, there, sizeof(there));
    if (bytes < p->found->range.bytes)
        return plan_note(plan, e, "%s has %s and the file says %s: nothing is shrunk",
                         p->wanted->name, there, wanted);
    p->grow = true;
    p->range.bytes = bytes;
    return check_overhang(plan, p, e) < 0 ? -1 : check_growth(plan, p, e);
}

static int match_one(struct plan *plan, struct plan_partition *p, struct err *e)
{
    p->found = find(plan, p);
    p->restore = p->found != NULL && p->found->incomplete && find_recorded(plan, p) != NULL;
    p->fill = p->found == NULL || (p->found->incomplete && !p->restore);
    if (p->found != NULL && p->fill && !incomplete_fits(p))
        p->found = NULL;
    if (p->found == NULL) {
        do { /* a seed gives the same GUIDs again, and some may be on the disk already */
            if (guid_new(&p->uuid, e) < 0)
                return -1;
        } while (survey_by_uuid(plan->survey, &p->uuid) != NULL);
        derive_fs_uuid(p);
        return 0;
    }
    p->uuid = p->found->uuid;
    p->number = p->found->number;
    p->range = p->found->range;
    derive_fs_uuid(p);
    if (p->fill || p->restore)
        return 0;
    return check_found(plan, p, e) < 0 ? -1 : check_size(plan, p, e);
}

/* Where nobody asked for it by name, it is left out. */
static int refuse_bios(const struct plan *plan, const struct machine_partition *wanted,
                       struct err *e)
{
    machine_error(plan->machine, wanted->at, ERR_UNSUPPORTED, e,
                  "%s has sectors of %u bytes, from which no BIOS boots", plan->survey->path,
                  plan->survey->sector);
    return err_hint(e, "leave the partition %s out: the disk boots by UEFI", wanted->name);
}

static bool is_boot_partition(const struct machine_partition *wanted)
{
    return strcmp(wanted->type, "esp") == 0 || strcmp(wanted->type, "bios-boot") == 0;
}

/* A machine file of partitions alone makes a disk without boot partitions and menu, unless it names
 * one of them, or the disk has them from berth. */
static bool boots(const struct plan *plan)
{
    const struct machine *machine = plan->machine;

    for (size_t i = 0; i < machine->n_partitions; i++)
        if (is_boot_partition(&machine->partitions[i]) && machine->partitions[i].at.line != 0)
            return true;
    return plan->survey->record != NULL || machine->n_systems > 0 || machine->has_menu;
}

static int add(struct plan *plan, const struct machine_partition *wanted,
               const struct machine_system *system, const struct image *image, struct err *e)
{
    struct plan_partition *p = &plan->partitions[plan->n_partitions++];
    bool is_root = system != NULL && wanted == &system->root;

    if (strcmp(wanted->type, "bios-boot") == 0 && plan->survey->sector != 512) {
        plan->n_partitions--;
        return wanted->at.line == 0 ? 0 : refuse_bios(plan, wanted, e);
    }
    if (is_boot_partition(wanted) && !boots(plan)) {
        plan->n_partitions--;
        return 0;
    }
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
