// SPDX-License-Identifier: GPL-3.0-or-later
/* node_guest.c: a survey and a record of what one node shows. */
#include "run/node_guest.h"
#include "block/disk.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "model/machine.h"
#include "partition/probe.h"
#include "partition/type.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define UDEV_MAX (256 * 1024)

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

static int fill_partition(struct disk *disk, dev_t device, struct survey_partition *p,
                          struct err *e)
{
    struct probe probe = {0};
    struct holder holder;

    if (!disk_partition_range(disk, p->number, &p->range))
        return err_set(e, ERR_FAILED, "partition %u has gone", p->number);
    if (probe_range(disk_blockdev(disk), p->range, &probe, e) < 0)
        return -1;
    p->fs = probe.fs;
    p->fs_uuid = probe.uuid;
    p->fs_device_uuid = probe.device_uuid;
    p->label = probe.label;
    if (p->fs_uuid == NULL)
        return err_set(e, ERR_REFUSED, "there is no filesystem that a system could boot from");
    udev_guid(device, "ID_PART_ENTRY_UUID", p->fs_uuid, &p->uuid);
    p->name = udev_value(device, "ID_PART_ENTRY_NAME");
    if (partition_type_parse("linux", TABLE_GPT, &p->type, &p->code, e) < 0)
        return -1;
    if (disk_holder(disk, p->range, &holder, e) < 0)
        return -1;
    p->holder = holder.text;
    p->mountpoint = holder.mountpoint;
    p->release = holder.release;
    return 0;
}

/* What the system is called: as its filesystem, or its node. */
static int add_system(struct survey *survey, const char *node, struct err *e)
{
    const struct survey_partition *p = &survey->partitions[0];
    const char *base = strrchr(node, '/') + 1;
    const char *name = p->label != NULL && name_is_valid(p->label) ? p->label : base;
    struct record_system *system;
    struct err ignored;

    survey->record = record_new(e);
    system = survey->record == NULL ? NULL : record_add_system(survey->record, name, e);
    if (system == NULL)
        return -1;
    system->root = p->uuid;
    system->bytes = p->range.bytes;
    (void)guid_parse(p->fs_uuid, &system->fs_uuid, &ignored);
    return 0;
}

static int fill(struct survey *survey, const char *node, struct err *e)
{
    _cleanup_disk_ struct disk *disk = NULL;
    struct survey_partition *p = calloc(1, sizeof(*p));
    const struct blockdev *bd;
    struct stat st;

    if (p == NULL || (survey->path = strdup(node)) == NULL) {
        free(p);
        return err_no_memory(e);
    }
    survey->partitions = p;
    survey->n_partitions = 1;
    disk = disk_open_partition(node, &p->number, e);
    if (disk == NULL || stat(node, &st) < 0 || fill_partition(disk, st.st_rdev, p, e) < 0)
        return err_wrap(e, "%s", node);
    bd = disk_blockdev(disk);
    survey->exists = true;
    survey->bytes = bd->bytes;
    survey->sector = bd->sector;
    survey->table = TABLE_GPT;
    survey->usable = (struct extent){p->range.start, p->range.bytes};
    udev_guid(st.st_rdev, "ID_PART_TABLE_UUID", p->fs_uuid, &survey->uuid);
    return add_system(survey, node, e);
}

struct survey *node_guest_survey(const char *node, struct err *e)
{
    struct survey *survey = calloc(1, sizeof(*survey));

    if (survey == NULL) {
        err_no_memory(e);
        return NULL;
    }
    if (fill(survey, node, e) == 0)
        return survey;
    survey_free(survey);
    return NULL;
}
