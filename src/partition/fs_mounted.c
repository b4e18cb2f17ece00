// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fs_mounted.c: changes the size of a filesystem that can do so only while it is mounted.
 *
 * A child of ours gets a mount namespace of its own, in which nothing goes to or comes from the
 * others: nobody else sees the mount, and it is gone with the child, however that ends.
 */
#include "core/cleanup.h"
#include "partition/fs.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>

#define TRIES 16

struct work {
    const struct fs_ops *ops;
    const char *node;
    uint64_t bytes; /* 0: all */
};

/* ---- a loop device of our own over a range of a file ---- */

static int configure(int loop, int fd, uint64_t start, uint64_t bytes, unsigned sector)
{
    struct loop_config config = {
        .fd = (uint32_t)fd,
        .block_size = sector,
        .info = {.lo_offset = start, .lo_sizelimit = bytes, .lo_flags = LO_FLAGS_AUTOCLEAR},
    };

    return ioctl(loop, LOOP_CONFIGURE, &config);
}

/* Returns its descriptor, with which it goes; another process may take the free one first. */
static int open_loop(struct blockdev *bd, char node[32], struct err *e)
{
    _cleanup_close_ int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    struct extent all = {0, bd->bytes};
    uint64_t start;
    int fd;

    if (control < 0)
        return err_errno(e, "/dev/loop-control");
    if (blockdev_fd_extent(bd, all, &fd, &start, e) < 0)
        return -1;
    for (int i = 0; i < TRIES; i++) {
        _cleanup_close_ int loop = -1;

        snprintf(node, 32, "/dev/loop%d", ioctl(control, LOOP_CTL_GET_FREE));
        loop = open(node, O_RDWR | O_CLOEXEC);
        if (loop >= 0 && configure(loop, fd, start, bd->bytes, bd->sector) == 0)
            return steal_fd(&loop);
        if (errno != EBUSY)
            break;
    }
    return err_errno(e, "a loop device over %s", bd->name);
}

/* ---- the mount ---- */

static int change(const struct work *work, const char *folder, struct err *e)
{
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return err_errno(e, "a mount namespace of its own");
    if (mount(work->node, folder, work->ops->name, MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME,
              NULL) < 0)
        return err_errno(e, "mounting %s", work->node);
    if ((work->bytes == 0 ? work->ops->grow_mounted(work->node, folder, e)
                          : work->ops->shrink_mounted(folder, work->bytes, e)) < 0)
        return -1;
    return umount2(folder, 0) < 0 ? err_errno(e, "unmounting %s", work->node) : 0;
}

static _Noreturn void child_main(const struct work *work, const char *folder, int report)
{
    struct err err = {0};

    if (change(work, folder, &err) == 0)
        _exit(0);
    (void)!write(report, &err, sizeof(err));
    _exit(1);
}

static int run_child(const struct work *work, const char *folder, struct err *e)
{
    struct err said = {.code = ERR_FAILED, .text = "the process that was to do it just ended"};
    int ends[2], status = -1;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_errno(e, "a pipe");
    pid = fork();
    if (pid == 0)
        child_main(work, folder, ends[1]);
    close(ends[1]);
    if (pid > 0) {
        (void)!read(ends[0], &said, sizeof(said));
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    }
    close(ends[0]);
    if (status != 0)
        *e = said;
    return status == 0 ? 0 : -1;
}

static int run(const struct work *work, struct err *e)
{
    char folder[] = "/tmp/berth.XXXXXX";
    int result;

    if (mkdtemp(folder) == NULL)
        return err_errno(e, "%s", folder);
    result = run_child(work, folder, e);
    rmdir(folder);
    return result;
}

int fs_resize_by_mount(const struct fs_ops *ops, struct blockdev *bd, const char *node,
                       uint64_t bytes, struct err *e)
{
    struct work work = {ops, node, bytes};
    _cleanup_close_ int loop = -1;
    char loop_node[32];

    if (bytes == 0 ? ops->grow_mounted == NULL : ops->shrink_mounted == NULL)
        return err_set(e, ERR_UNSUPPORTED, "%s: %s", bd->name,
                       bytes == 0 ? ops->grow : ops->shrink);
    if (geteuid() != 0) {
        err_set(e, ERR_REFUSED, "%s: %s", bd->name, bytes == 0 ? ops->grow : ops->shrink);
        return err_hint(e, "as root, berth mounts it for that where nobody else sees it");
    }
    if (node == NULL) {
        loop = open_loop(bd, loop_node, e);
        if (loop < 0)
            return -1;
        work.node = loop_node;
    }
    if (run(&work, e) < 0)
        return err_wrap(e, "%s: changing the size of its %s", bd->name, ops->name);
    return 0;
}
