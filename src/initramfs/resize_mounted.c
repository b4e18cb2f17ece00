// SPDX-License-Identifier: GPL-3.0-or-later
/* resize_mounted.c: chooses where a filesystem is mounted to change its size. */
#include "initramfs/resize_mounted.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "initramfs/appliance.h"

#include <string.h>

/* The running kernel has it, or would load it. */
static bool kernel_knows(const char *fs)
{
    _cleanup_free_ char *known = NULL;
    struct host_kernel running;
    struct err ignored;
    char line[64];

    snprintf(line, sizeof(line), "\t%s\n", fs);
    if (io_read_file("/proc/filesystems", 1 << 16, &known, NULL, &ignored) == 0 &&
        strstr(known, line) != NULL)
        return true;
    host_kernel_running(&running);
    return host_kernel_has(&running, fs);
}

int resize_mounted_check(const struct fs_ops *fs, struct err *e)
{
    struct host_kernel kernel;

    if (geteuid() == 0 && kernel_knows(fs->name))
        return 0;
    return appliance_check(fs->name, &kernel, e) < 0 ? -1 : 1;
}

/* The kernel mounts only what nobody holds: who was quick may have put a file there. */
static int mount_here(const struct mounted_resize *r, bool *empty, struct err *e)
{
    const char *node = NULL;
    struct err claim;
    int result;

    if (disk_is_device(r->disk) && (node = disk_node(r->disk, r->range, e)) == NULL)
        return -1;
    disk_unclaim(r->disk, r->range);
    result = fs_resize_by_mount(r->fs, r->bd, node, r->bytes, empty, e);
    if (disk_claim(r->disk, r->range, r->what, &claim) == 0)
        return result;
    *e = claim;
    return -1;
}

int resize_mounted(const struct mounted_resize *r, bool *settled, bool *held, struct err *e)
{
    *settled = true;
    if (mount_here(r, held, e) == 0)
        return 0;
    *held = true; /* the machine has the descriptors of the claim */
    return e->code == ERR_REFUSED ? appliance_resize(r->fs, r->bd, r->bytes, settled, r->ui, e)
                                  : -1;
}
