// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * node_guest.c: the survey of a node's disk, with the node's system in its record; or, of a disk
 * that may not be read, a survey and a record of what the node shows.
 *
 * Of a record that is on the disk nothing changes but that a system may be added to its copy here.
 */
#include "run/node_guest.h"
#include "apply/observe.h"
#include "block/claim.h"
#include "block/disk.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/shell.h"
#include "fs/probe.h"
#include "model/machine.h"
#include "partition/type.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define UDEV_MAX (256 * 1024)

/* A partition as the kernel has it. */
struct node {
    const char *path;
    char *disk; /* the whole disk's path */
    dev_t device;
    unsigned number;
    struct extent range;
};

bool node_guest_is_path(const char *name)
{
    return strchr(name, '/') != NULL;
}

/* What udev has found out about the device (its database, one "E:KEY=VALUE" a line), a new string;
 * NULL where there is no udev. */
static char *udev_value(dev_t device, const char *key)
{
    char path[64], line[64];
    _cleanup_free_ char *text = NULL;
    struct err ignored;
    char *at;

    snprintf(path, sizeof(path), "/run/udev/data/b%u:%u", major(device), minor(device));
    if (io_read_file(path, UDEV_MAX, &text, NULL, &ignored) < 0)
        return NULL;
    snprintf(line, sizeof(line), "\nE:%s=", key);
    at = strstr(text, line);
    if (at == NULL)
        return NULL;
    at += strlen(line);
    return strndup(at, strcspn(at, "\n"));
}

/* The value as a GUID, or one that always stands for that filesystem. */
static void udev_guid(dev_t device, const char *key, const char *fs_uuid, struct guid *guid)
{
    _cleanup_free_ char *text = udev_value(device, key);
    struct guid parent = {{0}};
    struct err ignored;

    if (text != NULL && guid_parse(text, guid, &ignored) == 0)
        return;
    (void)guid_parse(fs_uuid, &parent, &ignored);
    guid_derive(&parent, key, guid);
}

/* ---- a system for the record ---- */

/* Another system may be called as its filesystem is. */
static const char *choose_name(const struct record *record, const struct survey_partition *p,
                               const char *node)
{
    const char *label = p->label;

    return label != NULL && name_is_valid(label) && record_system(record, label) == NULL
               ? label
               : strrchr(node, '/') + 1;
}

/* What is done to a partition that is another system's volume is done to this one. */
static int take_pending(const struct record *record, const struct survey_partition *p,
                        struct record_system *system, struct err *e)
{
    for (size_t i = 0; i < record->n_systems; i++) {
        const struct record_system *other = &record->systems[i];

        for (size_t k = 0; other->pending != NULL && k < other->n_volumes; k++)
            if (guid_equal(&other->volumes[k].partition, &p->uuid) && system->pending == NULL &&
                (system->pending = strdup(other->pending)) == NULL)
                return err_no_memory(e);
    }
    return 0;
}

static int add_system(struct survey *survey, const struct survey_partition *p, const char *node,
                      struct err *e)
{
    struct record_system *system;
    struct err ignored;

    if (survey->record == NULL && (survey->record = record_new(e)) == NULL)
        return -1;
    system = record_add_system(survey->record, choose_name(survey->record, p, node), e);
    if (system == NULL)
        return -1;
    system->root = p->uuid;
    system->bytes = p->range.bytes;
    if (p->fs_uuid != NULL)
        (void)guid_parse(p->fs_uuid, &system->fs_uuid, &ignored);
    return take_pending(survey->record, p, system, e);
}

/* The name of the system whose root it is, NULL when it is nobody's. */
static const char *name_of_root(const struct record *record, const struct survey_partition *p)
{
    for (size_t i = 0; record != NULL && i < record->n_systems; i++)
        if (guid_equal(&record->systems[i].root, &p->uuid))
            return record->systems[i].name;
    return NULL;
}

static int check_content(const struct survey_partition *p, const struct node *node, struct err *e)
{
    if (p->fs != NULL || p->incomplete || p->holder != NULL ||
        partition_type_is(&p->type, "moving"))
        return 0; /* what else is wrong with it is said where its name is looked up */
    err_set(e, ERR_REFUSED, "there is no filesystem that a system could boot from");
    return err_hint(e, "name the partition of a system's root: `berth disk show %s` lists them",
                    shell_quote(node->disk).text);
}

/* ---- all of the disk ---- */

static struct survey_partition *partition_of(struct survey *survey, const struct node *node)
{
    for (size_t i = 0; i < survey->n_partitions; i++)
        if (survey->partitions[i].number == node->number)
            return &survey->partitions[i];
    return NULL;
}

/* By the table the guest is looked for, and by the kernel's word its bytes are read. */
static int check_table(const struct survey *survey, const struct survey_partition *p,
                       const struct node *node, struct err *e)
{
    if (p == NULL || p->range.start != node->range.start || p->range.bytes != node->range.bytes) {
        err_set(e, ERR_REFUSED, "the partition table of %s has no such partition", survey->path);
        return err_hint(e, "partprobe %s tells the kernel what is in the table",
                        shell_quote(survey->path).text);
    }
    if (survey_by_uuid(survey, &p->uuid) == p)
        return 0;
    err_set(e, ERR_REFUSED, "another partition of %s has the same GUID", survey->path);
    return err_hint(e, "berth part set %s %u --uuid new", shell_quote(survey->path).text,
                    p->number);
}

/* The guest sees a GPT in any case: of an MBR with its own partition in it, and no other. */
static int as_gpt(struct survey *survey, struct survey_partition *p, struct err *e)
{
    if (survey->table != TABLE_MBR)
        return 0;
    survey->usable = p->range;
    for (size_t i = 0; i < survey->n_partitions; i++)
        if (partition_type_is(&survey->partitions[i].type, "esp"))
            survey->partitions[i].type = (struct guid){{0}};
    if (p->incomplete || partition_type_is(&p->type, "moving"))
        return 0;
    return partition_type_parse("linux", TABLE_GPT, &p->type, &p->code, e);
}

static int find_system(struct survey *survey, const struct node *node, const char **name,
                       struct err *e)
{
    struct survey_partition *p = partition_of(survey, node);

    if (check_table(survey, p, node, e) < 0 || check_content(p, node, e) < 0 ||
        as_gpt(survey, p, e) < 0)
        return -1;
    *name = name_of_root(survey->record, p);
    if (*name != NULL)
        return 0;
    if (add_system(survey, p, node->path, e) < 0)
        return -1;
    *name = survey->record->systems[survey->record->n_systems - 1].name;
    return 0;
}

static struct survey *survey_disk(const struct node *node, struct run_request *request,
                                  struct err *e)
{
    _cleanup_survey_ struct survey *survey = observe_path(node->disk, 0, OBSERVE_RECORD, e);

    if (survey == NULL)
        return NULL;
    if (find_system(survey, node, &request->name, e) < 0) {
        err_wrap(e, "%s", node->path);
        return NULL;
    }
    request->reach = access(node->disk, W_OK) == 0 ? RUN_DISK : RUN_DISK_READ;
    return steal(survey);
}

/* ---- the partition alone ---- */

/* Its type, where udev knows: as "0x83" on an MBR. */
static int find_type(const struct node *node, struct survey_partition *p, bool *known,
                     struct err *e)
{
    _cleanup_free_ char *text = udev_value(node->device, "ID_PART_ENTRY_TYPE");
    enum table_kind kind = text != NULL && strncmp(text, "0x", 2) == 0 ? TABLE_MBR : TABLE_GPT;
    struct err ignored;

    *known = text != NULL && partition_type_parse(text, kind, &p->type, &p->code, &ignored) == 0;
    p->incomplete = *known && partition_type_is(&p->type, "incomplete");
    if (*known && (kind == TABLE_GPT || p->incomplete || partition_type_is(&p->type, "moving")))
        return 0;
    return partition_type_parse("linux", TABLE_GPT, &p->type, &p->code, e);
}

static int check_type(const struct survey_partition *p, const struct node *node, struct err *e)
{
    if (!partition_type_is(&p->type, "moving"))
        return 0;
    err_set(e, ERR_REFUSED, "it is being moved or resized");
    return err_hint(e, "`berth disk finish %s` finishes that", shell_quote(node->disk).text);
}

/* Whether udev saw a session in a swap of the disk; *known is false where it does not know all of
 * its partitions. */
static int check_sessions(const struct disk *disk, bool *known, struct err *e)
{
    dev_t device;

    *known = true;
    for (size_t i = 0; (device = disk_partition_device(disk, i)) != 0; i++) {
        _cleanup_free_ char *fs = udev_value(device, "ID_FS_TYPE"),
                            *number = udev_value(device, "ID_PART_ENTRY_NUMBER");

        *known = *known && number != NULL;
        if (fs == NULL || strcmp(fs, "swsuspend") != 0)
            continue;
        err_set(e, ERR_REFUSED,
                "partition %s of its disk holds a hibernated system, which may be this one: it "
                "would be damaged when it resumes",
                number != NULL ? number : "?");
        return err_hint(e, "boot it from the menu and shut it down there");
    }
    return 0;
}

/* One that has none boots nothing, and needs a GUID all the same. */
static const char *fs_uuid_of(const struct survey_partition *p)
{
    return p->fs_uuid != NULL ? p->fs_uuid : "";
}

static int fill_partition(struct disk *disk, const struct node *node, struct survey_partition *p,
                          bool *type_known, struct err *e)
{
    struct probe probe = {0};
    struct holder holder;

    p->number = node->number;
    p->range = node->range;
    if (probe_range(disk_blockdev(disk), p->range, &probe, e) < 0)
        return -1;
    p->fs = probe.fs;
    p->fs_version = probe.version;
    p->fs_uuid = probe.uuid;
    p->fs_device_uuid = probe.device_uuid;
    p->label = probe.label;
    if (disk_holder(disk, p->range, &holder, e) < 0)
        return -1;
    p->holder = holder.text;
    p->mountpoint = holder.mountpoint;
    p->release = holder.release;
    udev_guid(node->device, "ID_PART_ENTRY_UUID", fs_uuid_of(p), &p->uuid);
    p->name = udev_value(node->device, "ID_PART_ENTRY_NAME");
    return find_type(node, p, type_known, e);
}

static void note_unchecked(const struct run_request *request, const struct node *node,
                           bool type_known, bool sessions_known)
{
    if (request->again || (type_known && sessions_known))
        return;
    ui_note(request->ui, "only %s may be read, not all of its disk: whether %s%s%s is not known",
            node->path, sessions_known ? "" : "the system is hibernated",
            type_known || sessions_known ? "" : ", or ",
            type_known ? "" : "work on its partition was interrupted");
}

/* Of what locks a file, everybody may see the list; of what has it open, not. */
static int check_machines(const struct node *node, struct err *e)
{
    struct stat st;

    return stat(node->disk, &st) < 0 ? 0 : claim_check_listed_qemu(&st, node->disk, e);
}

static int fill(struct survey *survey, struct disk *disk, const struct node *node,
                struct run_request *request, struct err *e)
{
    struct survey_partition *p = calloc(1, sizeof(*p));
    const struct blockdev *bd = disk_blockdev(disk);
    bool type_known, sessions_known;

    if (p == NULL || (survey->path = strdup(node->path)) == NULL) {
        free(p);
        return err_no_memory(e);
    }
    survey->partitions = p;
    survey->n_partitions = 1;
    survey->exists = true;
    survey->bytes = bd->bytes;
    survey->sector = bd->sector;
    survey->table = TABLE_GPT;
    survey->usable = node->range;
    if (fill_partition(disk, node, p, &type_known, e) < 0)
        return -1;
    if (check_type(p, node, e) < 0 || check_content(p, node, e) < 0 ||
        check_sessions(disk, &sessions_known, e) < 0 || check_machines(node, e) < 0)
        return err_wrap(e, "%s", node->path);
    udev_guid(node->device, "ID_PART_TABLE_UUID", fs_uuid_of(p), &survey->uuid);
    if (add_system(survey, p, node->path, e) < 0)
        return -1;
    request->name = survey->record->systems[0].name;
    request->reach = RUN_PARTITION;
    note_unchecked(request, node, type_known, sessions_known);
    return 0;
}

static struct survey *survey_partition(struct disk *disk, const struct node *node,
                                       struct run_request *request, struct err *e)
{
    _cleanup_survey_ struct survey *survey = calloc(1, sizeof(*survey));

    if (survey == NULL) {
        err_no_memory(e);
        return NULL;
    }
    return fill(survey, disk, node, request, e) < 0 ? NULL : steal(survey);
}

/* ---- which of the two ---- */

/* A disk where a partition was expected. */
static void point_at_disk(const char *path, struct err *e)
{
    const struct shell_word word = shell_quote(path);
    struct stat st;

    if (e->code != ERR_USAGE || stat(path, &st) < 0 ||
        (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)))
        return;
    err_set(e, ERR_USAGE, "%s is a disk, or a file of one, not a partition of a disk", path);
    err_hint(e,
             "`berth run NAME --disk %s` runs a system that is on it; `berth guest list --disk %s` "
             "names them",
             word.text, word.text);
}

struct survey *node_guest_survey(struct run_request *request, struct err *e)
{
    struct node node = {.path = request->name};
    _cleanup_disk_ struct disk *disk = disk_open_partition(node.path, &node.number, e);
    struct survey *survey = NULL;
    struct stat st;

    if (disk == NULL || stat(node.path, &st) < 0) {
        point_at_disk(node.path, e);
        return NULL;
    }
    node.device = st.st_rdev;
    node.disk = disk_of_partition(disk, e);
    if (node.disk != NULL && !disk_partition_range(disk, node.number, &node.range))
        err_set(e, ERR_FAILED, "%s has gone", node.path);
    else if (node.disk != NULL)
        survey = disk_may_be_read(disk, node.disk) ? survey_disk(&node, request, e)
                                                   : survey_partition(disk, &node, request, e);
    free(node.disk);
    return survey;
}
