// SPDX-License-Identifier: GPL-3.0-or-later
/* identity.c: model, serial and WWN of a device, and which disk the running root is on. */
#include "block/disk.h"
#include "core/cleanup.h"
#include "core/io.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* The first of the sysfs attributes that has text, without the padding devices put around it. */
static char *first_attribute(dev_t device, const char *const *names)
{
    for (; *names != NULL; names++) {
        char path[PATH_MAX];
        _cleanup_free_ char *text = NULL;
        struct err ignored;
        size_t len;

        snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s", major(device), minor(device),
                 *names);
        if (io_read_file(path, 4096, &text, NULL, &ignored) < 0)
            continue;
        len = strlen(text);
        while (len > 0 && strchr(" \n", text[len - 1]) != NULL)
            text[--len] = '\0';
        if (len > 0)
            return strdup(text + strspn(text, " "));
    }
    return NULL;
}

void disk_identify(const struct disk *disk, struct disk_identity *identity)
{
    static const char *const models[] = {"device/model", NULL};
    static const char *const serials[] = {"serial", "device/serial", NULL};
    static const char *const wwns[] = {"wwid", "device/wwid", NULL};
    dev_t device = disk_device(disk);

    *identity = (struct disk_identity){0};
    if (device == 0)
        return;
    identity->model = first_attribute(device, models);
    identity->serial = first_attribute(device, serials);
    identity->wwn = first_attribute(device, wwns);
}

void disk_identity_clear(struct disk_identity *identity)
{
    free(identity->model);
    free(identity->serial);
    free(identity->wwn);
}

int disk_of_root(char **path, struct err *e)
{
    char link[64], target[PATH_MAX], *name;
    struct stat st;

    if (stat("/", &st) < 0)
        return err_errno(e, "/");
    snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major(st.st_dev), minor(st.st_dev));
    if (realpath(link, target) == NULL)
        return err_set(e, ERR_NOT_FOUND, "the running root is not on a disk of its own");
    /* ".../block/sda/sda1": the folder above a partition is its disk */
    name = strrchr(target, '/');
    *name = '\0';
    name = strrchr(target, '/');
    if (name == NULL || strstr(target, "/block/") == NULL)
        return err_set(e, ERR_NOT_FOUND, "the running root is not on a partition");
    *path = io_format(e, "/dev/%s", name + 1);
    return *path == NULL ? -1 : 0;
}
