// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_list.c: reads /sys/block (Linux Documentation/ABI/stable/sysfs-block). */
#include "block/disk_list.h"
#include "core/cleanup.h"
#include "core/io.h"

#include <dirent.h>
#include <limits.h>
#include <string.h>
#include <sys/sysmacros.h>

#define SYS_BLOCK "/sys/block"

/* Names of devices that are made of other devices, or of memory. */
static const char *const virtual_names[] = {"ram",    "zram", "dm-", "md",
                                            "bcache", "nbd",  "fd",  "sr"};

/* How a disk is attached: a part of the path that /sys/block/NAME leads to. */
static const struct {
    const char *part, *transport;
} transports[] = {
    {"/usb", "usb"},       {"/nvme", "nvme"},   {"/virtio", "virtio"},   {"/ata", "sata"},
    {"/mmc_host/", "mmc"}, {"/iscsi", "iscsi"}, {"/end_device-", "sas"}, {"/session", "iscsi"},
};

/* An attribute as text without its newline, "" where there is none. */
static void attribute(const char *name, const char *what, char *value, size_t len)
{
    char path[PATH_MAX];
    _cleanup_free_ char *text = NULL;
    struct err ignored;

    snprintf(path, sizeof(path), SYS_BLOCK "/%s/%s", name, what);
    value[0] = '\0';
    if (io_read_file(path, 4096, &text, NULL, &ignored) == 0)
        snprintf(value, len, "%.*s", (int)strcspn(text, "\n"), text);
}

static bool is_made_of_others(const char *name)
{
    for (size_t i = 0; i < sizeof(virtual_names) / sizeof(virtual_names[0]); i++)
        if (strncmp(name, virtual_names[i], strlen(virtual_names[i])) == 0)
            return true;
    return false;
}

static bool is_loop_without_file(const char *name)
{
    char backing[PATH_MAX];

    if (strncmp(name, "loop", 4) != 0)
        return false;
    attribute(name, "loop/backing_file", backing, sizeof(backing));
    return backing[0] == '\0';
}

static const char *transport_of(const char *name)
{
    char link[PATH_MAX], target[PATH_MAX];

    snprintf(link, sizeof(link), SYS_BLOCK "/%s", name);
    if (realpath(link, target) == NULL)
        return NULL;
    for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++)
        if (strstr(target, transports[i].part) != NULL)
            return transports[i].transport;
    return NULL;
}

/* In sysfs, a "/" of a device's name is a "!" (cciss!c0d0). */
static char *node_path(const char *name, struct err *e)
{
    char *path = io_format(e, "/dev/%s", name);

    for (char *p = path; p != NULL && *p != '\0'; p++)
        if (*p == '!')
            *p = '/';
    return path;
}

/* 1: filled; 0: the device has gone, or has no medium and `empty` ones are not wanted. */
static int fill(const char *name, bool empty, struct disk_device *d, struct err *e)
{
    char size[32], number[32], removable[8], read_only[8];
    unsigned maj, min;

    attribute(name, "size", size, sizeof(size));
    attribute(name, "dev", number, sizeof(number));
    attribute(name, "removable", removable, sizeof(removable));
    attribute(name, "ro", read_only, sizeof(read_only));
    if (sscanf(number, "%u:%u", &maj, &min) != 2 || (!empty && strcmp(size, "0") == 0))
        return 0;
    *d = (struct disk_device){
        .path = node_path(name, e),
        .device = makedev(maj, min),
        .bytes = strtoull(size, NULL, 10) * 512, /* sysfs counts in 512 bytes, always */
        .removable = strcmp(removable, "1") == 0,
        .read_only = strcmp(read_only, "1") == 0,
        .transport = transport_of(name),
    };
    if (d->path == NULL)
        return -1;
    device_identify(d->device, &d->identity);
    return 1;
}

static int is_entry(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int disk_list(bool all, struct disk_device **list, size_t *n, struct err *e)
{
    struct dirent **names = NULL;
    int count = scandir(SYS_BLOCK, &names, is_entry, versionsort), result = 0;

    *n = 0;
    *list = calloc((size_t)(count < 0 ? 0 : count) + 1, sizeof(**list));
    if (count < 0)
        result = err_errno(e, SYS_BLOCK);
    else if (*list == NULL)
        result = err_no_memory(e);
    for (int i = 0; i < count; i++) {
        const char *name = names[i]->d_name;

        if (result >= 0 && (all || (!is_made_of_others(name) && !is_loop_without_file(name))))
            result = fill(name, all, &(*list)[*n], e);
        *n += result == 1;
        result = result < 0 ? -1 : 0;
        free(names[i]);
    }
    free(names);
    if (result < 0) {
        disk_list_free(*list, *n);
        *list = NULL;
    }
    return result;
}

void disk_list_free(struct disk_device *list, size_t n)
{
    for (size_t i = 0; list != NULL && i < n; i++) {
        free(list[i].path);
        disk_identity_clear(&list[i].identity);
    }
    free(list);
}
