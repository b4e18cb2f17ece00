// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * esp_folder.c: mounts an ESP without a place in anybody's tree of folders (fsmount(2)): the mount
 * exists by its descriptor only, and goes with it, however this process ends.
 */
#include "flow/esp_folder.h"
#include "core/cleanup.h"
#include "core/io.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#define CHUNK ((size_t)1 << 20)

static int mount_private(const char *node, struct err *e)
{
    _cleanup_close_ int fs = fsopen("vfat", FSOPEN_CLOEXEC);
    int mounted = -1;

    if (fs >= 0 && fsconfig(fs, FSCONFIG_SET_STRING, "source", node, 0) == 0 &&
        fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
        mounted =
            fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    if (mounted >= 0)
        return mounted;
    if (errno == EBUSY)
        return err_set(e, ERR_IN_USE, "%s, the EFI system partition, is in use", node);
    err_errno(e, "mounting %s, the EFI system partition", node);
    return err_hint(e, "mount it as /boot/efi before, so that berth finds it there");
}

int esp_folder_open(struct disk *disk, const struct survey_partition *esp, struct err *e)
{
    _cleanup_close_ int mounted = -1;
    const char *node;
    int folder;

    if (esp->mountpoint == NULL) {
        node = disk_node(disk, esp->range, e);
        mounted = node != NULL ? mount_private(node, e) : -1;
        if (mounted < 0)
            return -1;
    }
    folder = mounted >= 0 ? openat(mounted, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                          : open(esp->mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder < 0 ? err_errno(e, "the EFI system partition") : folder;
}

static int copy(int from, int to, struct err *e)
{
    _cleanup_free_ char *buf = malloc(CHUNK);
    off_t at = 0;
    ssize_t got;

    if (buf == NULL)
        return err_no_memory(e);
    while ((got = pread(from, buf, CHUNK, at)) > 0) {
        if (io_write(to, buf, (size_t)got, e) < 0)
            return -1;
        at += got;
    }
    return got < 0 || fsync(to) < 0 ? err_errno(e, "writing") : 0;
}

int esp_folder_put(int folder, const char *path, int from, struct err *e)
{
    _cleanup_close_ int to =
        openat(folder, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);

    if (to < 0)
        return err_errno(e, "%s on the EFI system partition", path);
    return copy(from, to, e) < 0 ? err_wrap(e, "%s on the EFI system partition", path) : 0;
}

int esp_folder_room(int folder, uint64_t *bytes, struct err *e)
{
    struct statvfs st;

    if (fstatvfs(folder, &st) < 0)
        return err_errno(e, "the EFI system partition");
    *bytes = (uint64_t)st.f_bavail * st.f_frsize;
    return 0;
}
