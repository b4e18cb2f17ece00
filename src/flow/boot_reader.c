// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * boot_reader.c: the child opens the filesystem and writes into memory files made before it was
 * born; the parent seals them when it is gone, so that nothing changes under the engine.
 */
#include "flow/boot_reader.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "os/newest_kernel.h"
#include "tree/tree.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define KERNEL_MAX (256 * MIB)
#define INITRD_MAX (1 * GIB)
#define CHUNK      (1 * MIB)

struct reader {
    struct blockdev *root;
    int kernel, initrd, version; /* memfds */
};

/* ---- in the jail ---- */

static int copy_file(struct tree *tree, const char *path, uint64_t max, int out, struct err *e)
{
    _cleanup_free_ char *buf = malloc(CHUNK);
    uint64_t offset = 0;
    size_t got;

    if (buf == NULL)
        return err_no_memory(e);
    do {
        if (tree_read(tree, path, buf, CHUNK, offset, &got, e) < 0)
            return -1;
        if (got > max - offset)
            return err_set(e, ERR_FAILED, "%s is larger than %llu bytes", path,
                           (unsigned long long)max);
        if (io_write(out, buf, got, e) < 0)
            return -1;
        offset += got;
    } while (got == CHUNK);
    return 0;
}

static int read_boot_files(void *arg, struct err *e)
{
    struct reader *reader = arg;
    _cleanup_tree_ struct tree *tree = ext_tree_open(reader->root, e);
    struct newest_kernel newest;
    int result;

    if (tree == NULL || newest_kernel_find(tree, &newest, e) < 0)
        return -1;
    result = io_write(reader->version, newest.version, strlen(newest.version), e);
    if (result == 0)
        result = copy_file(tree, newest.kernel, KERNEL_MAX, reader->kernel, e);
    if (result == 0 && newest.initrd != NULL)
        result = copy_file(tree, newest.initrd, INITRD_MAX, reader->initrd, e);
    newest_kernel_free(&newest);
    return result;
}

/* ---- outside ---- */

static int memory_file(const char *name, struct err *e)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    return fd < 0 ? err_errno(e, "a memory file for the %s", name) : fd;
}

static int seal(int fd, struct err *e)
{
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        return err_errno(e, "sealing a memory file");
    return 0;
}

/* The version is for people and logs: what is not plain text in it does not reach them. */
static int take_version(int fd, char *version, struct err *e)
{
    ssize_t got = pread(fd, version, BOOT_VERSION_MAX - 1, 0);

    if (got < 0)
        return err_errno(e, "reading the kernel's version");
    version[got] = '\0';
    for (char *p = version; *p != '\0'; p++)
        if (*p <= ' ' || *p > '~')
            *p = '?';
    return 0;
}

static int run_reader(struct reader *reader, const struct jail_fds *fds, const char *what,
                      struct err *e)
{
    const int own[] = {reader->kernel, reader->initrd, reader->version};
    struct jail_options jail = {
        .profile = JAIL_READER, .what = what, .keep = *fds, .write = own, .n_write = 3};

    for (size_t i = 0; i < 3; i++)
        if (jail_fds_add(&jail.keep, own[i], e) < 0)
            return -1;
    return jail_run(&jail, read_boot_files, reader, e);
}

int boot_reader_read(struct blockdev *root, const struct jail_fds *fds, const char *name,
                     struct boot_files *files, struct err *e)
{
    _cleanup_close_ int kernel = memory_file("kernel", e), initrd = memory_file("initrd", e),
                        version = memory_file("version", e);
    _cleanup_free_ char *what = io_format(e, "the reader of %s's kernel", name);
    struct reader reader = {root, kernel, initrd, version};
    struct stat st;

    if (kernel < 0 || initrd < 0 || version < 0 || what == NULL)
        return -1;
    if (run_reader(&reader, fds, what, e) < 0)
        return err_wrap(e, "%s", name);
    if (take_version(version, files->version, e) < 0 || seal(kernel, e) < 0 || seal(initrd, e) < 0)
        return -1;
    if (fstat(initrd, &st) < 0)
        return err_errno(e, "the initrd's size");
    files->kernel = steal_fd(&kernel);
    files->initrd = st.st_size > 0 ? steal_fd(&initrd) : -1;
    return 0;
}

void boot_files_close(struct boot_files *files)
{
    cleanup_close(&files->kernel);
    cleanup_close(&files->initrd);
    files->kernel = files->initrd = -1;
}
