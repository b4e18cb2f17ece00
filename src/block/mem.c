// SPDX-License-Identifier: GPL-3.0-or-later
/* mem.c: a sparse anonymous file as a device; the stage on which tools and libraries work. It has
 * no name of its own that anybody else could open, and is gone with the last descriptor. */
#include "block/blockdev.h"
#include "core/cleanup.h"

#include <sys/mman.h>

struct blockdev *mem_open(uint64_t bytes, unsigned sector, struct err *e)
{
    _cleanup_close_ int fd = memfd_create("berth", MFD_CLOEXEC);

    if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0) {
        err_errno(e, "%llu bytes of memory", (unsigned long long)bytes);
        return NULL;
    }
    return file_from_fd(steal_fd(&fd), "memory", sector, e);
}

char *mem_path(struct blockdev *mem, char path[MEM_PATH])
{
    struct extent none = {0, 0};
    struct err never;
    uint64_t start;
    int fd = -1;

    blockdev_fd_extent(mem, none, &fd, &start, &never);
    snprintf(path, MEM_PATH, "/proc/%d/fd/%d", (int)getpid(), fd);
    return path;
}
