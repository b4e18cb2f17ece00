// SPDX-License-Identifier: GPL-3.0-or-later
/* fs_loop.c: loop devices over a range of a file or of a disk. */
#include "partition/fs_loop.h"
#include "core/cleanup.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

#define TRIES 16

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
