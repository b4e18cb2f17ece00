// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fs_mounted.c: changes the size of a filesystem that can do so only while it is mounted.
 *
 * A child of ours gets a mount namespace of its own, in which nothing goes to or comes from the
 * others: nobody else sees the mount, and it is gone with the child, however that ends.
 */
#include "core/cleanup.h"
#include "fs/fs.h"
#include "fs/fs_loop.h"

#include <dirent.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>

struct work {
    const struct fs_ops *ops;
    const char *node;
    uint64_t bytes; /* 0: all */
};

/* What the child says. */
struct report {
    bool empty; /* there is nothing in its folder when all is done */
    struct err err;
};

/* ---- the mount ---- */

/* Not allowed, or not known to the kernel: what is on the disk has no part in it. */
static int no_mount(const char *what, struct err *e)
{
    bool refused = errno == EPERM || errno == EACCES || errno == ENODEV || errno == ENOSYS;

    err_errno(e, "%s", what);
    if (refused)
        e->code = ERR_REFUSED;
    return -1;
}

static bool is_empty(const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    bool empty = dir != NULL;

    while (empty && (errno = 0, entry = readdir(dir)) != NULL)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    empty = empty && errno == 0;
    if (dir != NULL)
        closedir(dir);
    return empty;
}

/* A mount that is left to the end of its namespace goes some time after that. */
static int change_size(const struct work *work, const char *folder, bool *empty, struct err *e)
{
    int result;

    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return no_mount("a mount namespace of its own", e);
    if (mount(work->node, folder, work->ops->name, MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME,
              NULL) < 0)
        return no_mount("mounting it", e);
    result = work->bytes == 0 ? work->ops->grow_mounted(work->node, folder, e)
                              : work->ops->shrink_mounted(work->node, folder, work->bytes, e);
    *empty = is_empty(folder);
    if (umount2(folder, 0) < 0 && result == 0)
        return err_errno(e, "unmounting %s", work->node);
    return result;
}

static _Noreturn void child_main(const struct work *work, const char *folder, int pipe)
{
    struct report report = {0};
    int result = change_size(work, folder, &report.empty, &report.err);

    (void)!write(pipe, &report, sizeof(report));
    _exit(result == 0 ? 0 : 1);
}

static int run_child(const struct work *work, const char *folder, bool *empty, struct err *e)
{
    struct report said = {
        .err = {.code = ERR_FAILED, .text = "the process that was to do it just ended"}};
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
    *empty = said.empty;
    if (status != 0)
        *e = said.err;
    return status == 0 ? 0 : -1;
}

static int run(const struct work *work, bool *empty, struct err *e)
{
    char folder[] = "/tmp/berth.XXXXXX";
    int result;

    if (mkdtemp(folder) == NULL)
        return err_errno(e, "%s", folder);
    result = run_child(work, folder, empty, e);
    rmdir(folder);
    return result;
}

int fs_resize_by_mount(const struct fs_ops *ops, struct blockdev *bd, const char *node,
                       uint64_t bytes, bool *empty, struct err *e)
{
    struct work work = {ops, node, bytes};
    char loop_node[FS_LOOP_NODE];
    int loop = -1, result;

    *empty = false;
    if (bytes == 0 ? ops->grow_mounted == NULL : ops->shrink_mounted == NULL)
        return err_set(e, ERR_UNSUPPORTED, "%s: %s", bd->name,
                       bytes == 0 ? ops->grow : ops->shrink);
    if (geteuid() != 0) {
        err_set(e, ERR_REFUSED, "%s: %s", bd->name, bytes == 0 ? ops->grow : ops->shrink);
        return err_hint(e, "as root, berth mounts it for that where nobody else sees it");
    }
    if (node == NULL) {
        loop = fs_loop_open(bd, true, loop_node, e);
        if (loop < 0)
            return -1;
        work.node = loop_node;
    }
    result = run(&work, empty, e);
    fs_loop_close(loop);
    if (result < 0)
        return err_wrap(e, "%s: changing the size of its %s", bd->name, ops->name);
    return 0;
}
