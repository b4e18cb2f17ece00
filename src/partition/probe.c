// SPDX-License-Identifier: GPL-3.0-or-later
/* probe.c: recognises filesystems. */
#include "partition/probe.h"

#include <blkid.h>
#include <stdlib.h>
#include <string.h>

static char *value(blkid_probe pr, const char *name)
{
    const char *text;

    return blkid_probe_lookup_value(pr, name, &text, NULL) == 0 && *text != '\0' ? strdup(text)
                                                                                 : NULL;
}

static int probe_fd(int fd, struct extent range, unsigned sector, struct probe *probe,
                    struct err *e)
{
    blkid_probe pr = blkid_new_probe();
    int found = -1;

    if (pr == NULL)
        return err_no_memory(e);
    if (blkid_probe_set_device(pr, fd, (blkid_loff_t)range.start, (blkid_loff_t)range.bytes) == 0 &&
        blkid_probe_set_sectorsize(pr, sector) == 0 &&
        blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_UUID |
                                                  BLKID_SUBLKS_LABEL) == 0)
        found = blkid_do_safeprobe(pr);
    if (found == 0) {
        probe->fs = value(pr, "TYPE");
        probe->uuid = value(pr, "UUID");
        probe->label = value(pr, "LABEL");
    }
    probe->ambivalent = found == -2;
    blkid_free_probe(pr);
    return found == -1 ? err_set(e, ERR_IO, "probing for a filesystem failed") : 0;
}

int probe_range(struct blockdev *bd, struct extent range, struct probe *probe, struct err *e)
{
    struct extent in_fd = {.bytes = range.bytes};
    int fd;

    *probe = (struct probe){0};
    if (blockdev_fd_extent(bd, range, &fd, &in_fd.start, e) < 0)
        return -1;
    return probe_fd(fd, in_fd, bd->sector, probe, e);
}

void probe_clear(struct probe *probe)
{
    free(probe->fs);
    free(probe->uuid);
    free(probe->label);
    *probe = (struct probe){0};
}
