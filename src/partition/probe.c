// SPDX-License-Identifier: GPL-3.0-or-later
/* probe.c: recognises filesystems. */
#include "partition/probe.h"
#include "partition/zfs.h"

#include <blkid.h>
#include <stdlib.h>
#include <string.h>

static char *value(blkid_probe pr, const char *name)
{
    const char *text;

    return blkid_probe_lookup_value(pr, name, &text, NULL) == 0 && *text != '\0' ? strdup(text)
                                                                                 : NULL;
}

/* libblkid reads a megabyte to look for ZFS, ten times as long as for all other kinds together: it
 * is asked only where a label of ZFS is. */
static int leave_zfs_out(blkid_probe pr)
{
    char *kinds[] = {"zfs_member", NULL};

    return blkid_probe_filter_superblocks_type(pr, BLKID_FLTR_NOTIN, kinds);
}

static int probe_fd(int fd, struct extent range, unsigned sector, bool zfs, struct probe *probe,
                    struct err *e)
{
    blkid_probe pr = blkid_new_probe();
    int found = -1;

    if (pr == NULL)
        return err_no_memory(e);
    if (blkid_probe_set_device(pr, fd, (blkid_loff_t)range.start, (blkid_loff_t)range.bytes) == 0 &&
        blkid_probe_set_sectorsize(pr, sector) == 0 &&
        blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_UUID |
                                                  BLKID_SUBLKS_LABEL) == 0 &&
        (zfs || leave_zfs_out(pr) == 0))
        found = blkid_do_safeprobe(pr);
    if (found == 0) {
        probe->fs = value(pr, "TYPE");
        probe->uuid = value(pr, "UUID");
        probe->device_uuid = value(pr, "UUID_SUB");
        probe->label = value(pr, "LABEL");
    }
    probe->ambivalent = found == -2;
    blkid_free_probe(pr);
    return found == -1 ? err_set(e, ERR_IO, "probing for a filesystem failed") : 0;
}

int probe_range(struct blockdev *bd, struct extent range, struct probe *probe, struct err *e)
{
    struct extent in_fd = {.bytes = range.bytes}, data;
    int fd, zfs;

    *probe = (struct probe){0};
    if (blockdev_next_data(bd, range.start, &data, e) < 0)
        return -1;
    if (data.bytes == 0 || data.start >= extent_end(&range))
        return 0; /* a hole: zeros have no signature */
    zfs = zfs_is_labelled(bd, range, e);
    if (zfs < 0 || blockdev_fd_extent(bd, range, &fd, &in_fd.start, e) < 0)
        return -1;
    return probe_fd(fd, in_fd, bd->sector, zfs > 0, probe, e);
}

void probe_clear(struct probe *probe)
{
    free(probe->fs);
    free(probe->uuid);
    free(probe->device_uuid);
    free(probe->label);
    *probe = (struct probe){0};
}

bool probe_is_member(const char *name)
{
    static const char *const others[] = {"crypto_LUKS", "BitLocker", "bcache",
                                         "drbd",        "jbd",       "xfs_external_log"};
    size_t len = strlen(name), suffix = strlen("_member");

    if (len > suffix && strcmp(name + len - suffix, "_member") == 0)
        return true;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (strcmp(name, others[i]) == 0)
            return true;
    return false;
}
