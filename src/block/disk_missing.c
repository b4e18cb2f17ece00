// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_missing.c: whether a path is that of an image file that is still to be made, and not of a
 * device that is gone. */
#include "block/disk.h"
#include "core/cleanup.h"

#include <string.h>
#include <sys/stat.h>

/* The folder that the path is in, new; NULL without memory. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

/* The kernel and udev make device nodes in the filesystem that is mounted on /dev, and only there:
 * /dev/shm is another one. Where nothing is mounted on /dev, its name has to do. */
static bool is_among_devices(const char *path)
{
    _cleanup_free_ char *folder = folder_of(path);
    struct stat root, devices, here;

    if (folder == NULL || stat(folder, &here) < 0 || stat("/", &root) < 0 ||
        stat("/dev", &devices) < 0 || devices.st_dev == root.st_dev)
        return strncmp(path, "/dev/", 5) == 0;
    return here.st_dev == devices.st_dev;
}

bool disk_is_missing(const char *path)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return errno == ENOENT && !is_among_devices(path);
    return S_ISREG(st.st_mode) && st.st_size == 0;
}
