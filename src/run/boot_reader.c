// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * boot_reader.c: a child opens an ext filesystem and writes into memory files made before it was
 * born; the parent seals them when it is gone, so that nothing changes under the engine. Of other
 * filesystems the parent copies what GRUB's program reads.
 */
#include "run/boot_reader.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "os/newest_kernel.h"
#include "os/root_folder.h"
#include "tree/ext.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#define KERNEL_MAX (256 * MIB)
#define INITRD_MAX (1 * GIB)
#define CHUNK      (1 * MIB)

struct reader {
    const struct boot_source *source;
    int kernel, initrd, version; /* memfds */
};

/* ---- from a tree ---- */

static int copy_range(struct tree *tree, const char *path, uint64_t from, uint64_t to, int out,
                      struct err *e)
{
    _cleanup_free_ char *buf = malloc(CHUNK);
    size_t got;

    if (buf == NULL)
        return err_no_memory(e);
    for (uint64_t at = from; at < to; at += got) {
        size_t n = to - at < CHUNK ? (size_t)(to - at) : CHUNK;

        if (tree_read(tree, path, buf, n, at, &got, e) < 0 || io_pwrite(out, buf, got, at, e) < 0)
            return -1;
        if (got < n)
            return err_set(e, ERR_SYNTAX, "%s ends before its size", path);
    }
    return 0;
}

/* end: so many bytes of its beginning and of its end only; 0: all of it. */
static int copy_file(struct tree *tree, const char *path, uint64_t max, uint64_t end, int out,
                     struct err *e)
{
    struct tree_entry entry;
    uint64_t bytes;

    if (tree_stat(tree, path, &entry, e) < 0)
        return -1;
    bytes = entry.size;
    if (bytes > max)
        return err_set(e, ERR_FAILED, "%s is larger than %llu bytes", path,
                       (unsigned long long)max);
    if (end == 0 || bytes <= 2 * end)
        return copy_range(tree, path, 0, bytes, out, e);
    return copy_range(tree, path, 0, end, out, e) < 0
               ? -1
               : copy_range(tree, path, bytes - end, bytes, out, e);
}

static int read_boot_files(struct reader *reader, struct tree *tree, struct err *e)
{
    struct newest_kernel newest;
    int result;

    if (newest_kernel_find(tree, &newest, e) < 0)
        return -1;
    result = io_write(reader->version, newest.version, strlen(newest.version), e);
    if (result == 0)
        result = copy_file(tree, newest.kernel, KERNEL_MAX,
                           reader->source->ends ? BOOT_KERNEL_END : 0, reader->kernel, e);
    if (result == 0 && newest.initrd != NULL)
        result = copy_file(tree, newest.initrd, INITRD_MAX, 0, reader->initrd, e);
    newest_kernel_free(&newest);
    return result;
}

/* In the jail. */
static int read_ext(void *arg, struct err *e)
{
    struct reader *reader = arg;
    _cleanup_tree_ struct tree *tree = ext_tree_open(reader->source->root, e);

    return tree == NULL ? -1 : read_boot_files(reader, tree, e);
}

/* Here: who reads is in the jail. */
static int read_by_grub(struct reader *reader, char **word, struct err *e)
{
    const struct boot_source *source = reader->source;
    _cleanup_tree_ struct tree *tree =
        root_folder_open(source->root, source->system->kernel_options, word, e);

    return tree == NULL ? -1 : read_boot_files(reader, tree, e);
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

static int run_jailed(struct reader *reader, const char *what, struct err *e)
{
    const int own[] = {reader->kernel, reader->initrd, reader->version};
    struct jail_options jail = {.profile = JAIL_READER,
                                .what = what,
                                .keep = *reader->source->fds,
                                .write = own,
                                .n_write = 3};

    for (size_t i = 0; i < 3; i++)
        if (jail_fds_add(&jail.keep, own[i], e) < 0)
            return -1;
    return jail_run(&jail, read_ext, reader, e);
}

/* What cannot be read is no reason to try anything else with it. A failure of the disk, of memory
 * or of a program that is not there says nothing of the filesystem. */
static int refuse_unreadable(const struct boot_source *source, struct err *e)
{
    bool has_no_kernel = e->code == ERR_NOT_FOUND && *e->hint == '\0';

    if (has_no_kernel)
        err_wrap(e, "no kernel is in it");
    if (source->fs != NULL)
        err_wrap(e, "its %s", source->fs);
    err_wrap(e, "%s", source->system->name);
    if (e->code == ERR_IO || e->code == ERR_NO_MEMORY || e->code == ERR_INTERRUPTED ||
        (e->code == ERR_NOT_FOUND && !has_no_kernel))
        return -1;
    e->code = ERR_REFUSED;
    if (has_no_kernel)
        return err_hint(e,
                        "a system's root has a boot/vmlinuz-*; `berth run --kernel FILE` boots a "
                        "kernel of the host's files");
    return err_hint(e, "boot it from the menu; beside the host berth reads ext4, and what GRUB "
                       "reads: btrfs, xfs");
}

static int read_all(struct reader *reader, bool *by_grub, char **word, struct err *e)
{
    const char *name = reader->source->system->name;
    _cleanup_free_ char *what = io_format(e, "the reader of %s's kernel", name);
    bool is_ext;

    if (what == NULL || ext_is_on(reader->source->root, &is_ext, e) < 0)
        return -1;
    *by_grub = !is_ext;
    if ((is_ext ? run_jailed(reader, what, e) : read_by_grub(reader, word, e)) < 0)
        return refuse_unreadable(reader->source, e);
    return 0;
}

int boot_reader_read(const struct boot_source *source, struct boot_files *files, struct err *e)
{
    _cleanup_close_ int kernel = memory_file("kernel", e), initrd = memory_file("initrd", e),
                        version = memory_file("version", e);
    _cleanup_free_ char *word = NULL;
    struct reader reader = {source, kernel, initrd, version};
    struct stat st;

    if (kernel < 0 || initrd < 0 || version < 0 || read_all(&reader, &files->by_grub, &word, e) < 0)
        return -1;
    if (take_version(version, files->version, e) < 0 || seal(kernel, e) < 0)
        return -1;
    if (fstat(initrd, &st) < 0)
        return err_errno(e, "the initrd's size");
    files->kernel = steal_fd(&kernel);
    files->initrd = st.st_size > 0 ? steal_fd(&initrd) : -1;
    files->word = steal(word);
    return 0;
}

int boot_files_seal(const struct boot_files *files, struct err *e)
{
    return files->initrd < 0 ? 0 : seal(files->initrd, e);
}

static int copy_host_file(const char *path, uint64_t max, const char *name, struct err *e)
{
    _cleanup_close_ int from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    _cleanup_close_ int to = -1;
    struct stat st;

    if (from < 0 || fstat(from, &st) < 0)
        return err_errno(e, "%s", path);
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > max)
        return err_set(e, ERR_UNSUPPORTED, "%s: expected a file of at most %llu MiB as the %s",
                       path, (unsigned long long)(max / MIB), name);
    to = memory_file(name, e);
    if (to < 0)
        return -1;
    for (off_t left = st.st_size; left > 0;) {
        ssize_t put = sendfile(to, from, NULL, (size_t)left);

        if (put <= 0)
            return put < 0 ? err_errno(e, "%s", path)
                           : err_set(e, ERR_IO, "%s: it becomes shorter meanwhile", path);
        left -= put;
    }
    return seal(to, e) < 0 ? -1 : steal_fd(&to);
}

int boot_files_copy(const char *kernel, const char *initrd, struct boot_files *files, struct err *e)
{
    *files = (struct boot_files){.kernel = copy_host_file(kernel, KERNEL_MAX, "kernel", e),
                                 .initrd = -1};
    if (files->kernel < 0)
        return -1;
    if (initrd == NULL)
        return 0;
    files->initrd = copy_host_file(initrd, INITRD_MAX, "initrd", e);
    if (files->initrd >= 0)
        return 0;
    boot_files_close(files);
    return -1;
}

void boot_files_close(struct boot_files *files)
{
    cleanup_close(&files->kernel);
    cleanup_close(&files->initrd);
    files->kernel = files->initrd = -1;
    free(steal(files->word));
}
