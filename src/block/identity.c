// SPDX-License-Identifier: GPL-3.0-or-later
/* identity.c: model, serial and WWN of a device, and which disk the running root is on. */
#include "block/identity.h"
#include "block/sysfs.h"
#include "core/cleanup.h"
#include "core/io.h"

#include <limits.h>
#include <string.h>
#include <sys/sysmacros.h>

/* The first of the attributes that has text. */
static char *first_attribute(const char *folder, const char *const *names)
{
    char *text = NULL;

    for (; text == NULL && *names != NULL; names++)
        text = sysfs_text(folder, *names);
    return text;
}

/* The serial number in the page that a SCSI or ATA disk keeps for it: four bytes of header, the
 * last two of which are the length (SPC-6, 7.7.22 Unit Serial Number VPD page). */
static char *vpd_serial(const char *folder)
{
    char path[PATH_MAX];
    _cleanup_free_ char *page = NULL;
    struct err ignored;
    size_t len, bytes, skip;

    snprintf(path, sizeof(path), "%s/device/vpd_pg80", folder);
    if (io_read_file(path, 4096, &page, &len, &ignored) < 0 || len <= 4)
        return NULL;
    bytes = (size_t)((unsigned char)page[2] << 8 | (unsigned char)page[3]);
    bytes = bytes < len - 4 ? bytes : len - 4;
    while (bytes > 0 && strchr(" ", page[4 + bytes - 1]) != NULL)
        bytes--;
    skip = strspn(page + 4, " ");
    return bytes <= skip ? NULL : strndup(page + 4 + skip, bytes - skip);
}

/* A USB stick's serial number is that of a folder above its SCSI device: the one that has idVendor.
 */
static char *usb_serial(const char *folder)
{
    char path[PATH_MAX], start[PATH_MAX], *slash;

    snprintf(start, sizeof(start), "%s/device", folder);
    if (realpath(start, path) == NULL)
        return NULL;
    while ((slash = strrchr(path, '/')) != NULL && slash != path) {
        if (sysfs_has(path, "idVendor"))
            return sysfs_text(path, "serial");
        *slash = '\0';
    }
    return NULL;
}

void device_identify(dev_t device, struct disk_identity *identity)
{
    /* "name" is an MMC card's model; device-mapper and MD give their devices a UUID */
    static const char *const models[] = {"device/model", "device/name", NULL};
    static const char *const serials[] = {"serial", "device/serial", NULL};
    static const char *const wwns[] = {"wwid",    "device/wwid", "device/cid",
                                       "dm/uuid", "md/uuid",     NULL};
    char folder[SYSFS_FOLDER];

    *identity = (struct disk_identity){0};
    if (device == 0)
        return;
    sysfs_folder(device, folder);
    identity->model = first_attribute(folder, models);
    identity->serial = first_attribute(folder, serials);
    if (identity->serial == NULL)
        identity->serial = vpd_serial(folder);
    if (identity->serial == NULL)
        identity->serial = usb_serial(folder);
    identity->wwn = first_attribute(folder, wwns);
}

uint64_t device_sequence(dev_t device)
{
    char folder[SYSFS_FOLDER];
    _cleanup_free_ char *text = sysfs_text(sysfs_folder(device, folder), "diskseq");

    return text == NULL ? 0 : strtoull(text, NULL, 10);
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
