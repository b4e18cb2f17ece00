// SPDX-License-Identifier: GPL-3.0-or-later
/* fs_loop.c: loop devices over a range of a file or of a disk. */
#include "fs/fs_loop.h"
#include "block/sysfs.h"
#include "core/cleanup.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>

#define TRIES      16
#define FREE_TRIES 200 /* of 10 ms */

static int configure(int loop, int fd, uint64_t start, const struct blockdev *bd, bool writable)
{
    struct loop_config config = {
        .fd = (uint32_t)fd,
        .block_size = bd->sector,
        .info = {.lo_offset = start,
                 .lo_sizelimit = bd->bytes,
                 .lo_flags = LO_FLAGS_AUTOCLEAR | (writable ? 0U : LO_FLAGS_READ_ONLY)},
    };

    return ioctl(loop, LOOP_CONFIGURE, &config);
}

/* Another process may take the free one first. */
int fs_loop_open(struct blockdev *bd, bool writable, char node[FS_LOOP_NODE], struct err *e)
{
    _cleanup_close_ int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    struct extent all = {0, bd->bytes};
    uint64_t start;
    int fd;

    if (control < 0) {
        err_errno(e, "/dev/loop-control");
        e->code = ERR_REFUSED; /* where no loop devices are for us, as in a container */
        return -1;
    }
    if (blockdev_fd_extent(bd, all, &fd, &start, e) < 0)
        return -1;
    for (int i = 0; i < TRIES; i++) {
        _cleanup_close_ int loop = -1;

        snprintf(node, FS_LOOP_NODE, "/dev/loop%d", ioctl(control, LOOP_CTL_GET_FREE));
        loop = open(node, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
        if (loop >= 0 && configure(loop, fd, start, bd, writable) == 0)
            return steal_fd(&loop);
        if (errno != EBUSY)
            break;
    }
    return err_errno(e, "a loop device over %s", bd->name);
}

/* Another one may show the next file by then. */
static bool shows(const char *folder, const char *file)
{
    _cleanup_free_ char *now = sysfs_text(folder, "loop/backing_file");

    return now != NULL && file != NULL && strcmp(now, file) == 0;
}

void fs_loop_close(int loop)
{
    static const struct timespec pause = {0, 10000000};
    _cleanup_free_ char *file = NULL;
    char folder[SYSFS_FOLDER];
    struct stat st;

    if (loop < 0)
        return;
    if (fstat(loop, &st) == 0)
        file = sysfs_text(sysfs_folder(st.st_rdev, folder), "loop/backing_file");
    close(loop);
    for (int i = 0; file != NULL && i < FREE_TRIES && shows(folder, file); i++)
        nanosleep(&pause, NULL);
}
