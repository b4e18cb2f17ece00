// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * kernel_cache.c: a file named by size and checksum of the packed kernel. It appears whole or not
 * at all, also over a power cut.
 *
 * The checksum need not resist anybody: who can make two kernels alike by it has both in its own
 * partition.
 */
#include "flow/kernel_cache.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/jail.h"
#include "os/kernel_payload.h"
#include "tree/libarchive.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <zlib.h>

#define FOLDER     "kernels"
#define NAME_BYTES 64

static int name_kernel(int kernel, char name[NAME_BYTES], struct err *e)
{
    struct stat st;
    void *bytes;

    if (fstat(kernel, &st) < 0)
        return err_errno(e, "the kernel");
    bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, kernel, 0);
    if (bytes == MAP_FAILED)
        return err_errno(e, "the kernel");
    snprintf(name, NAME_BYTES, "%llu-%08lx", (unsigned long long)st.st_size,
             crc32_z(0, bytes, (size_t)st.st_size));
    munmap(bytes, (size_t)st.st_size);
    return 0;
}

/* Of the guest's folder only this one stays. */
static void drop_others(const char *folder, const char *name)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL)
        if (*entry->d_name != '.' && strcmp(entry->d_name, name) != 0)
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir != NULL)
        closedir(dir);
}

/* ---- unpacking, in the jail ---- */

struct unpacking {
    int kernel, out;
};

static int unpack(void *arg, struct err *e)
{
    struct unpacking *u = arg;

    return kernel_payload_unpack(u->kernel, u->out, e) < 0 ? -1 : 0;
}

static int unpack_jailed(struct unpacking *u, struct err *e)
{
    struct jail_options jail = {
        .profile = JAIL_READER, .what = "unpacking the kernel", .write = &u->out, .n_write = 1};

    if (libarchive_load(e) < 0 || jail_fds_add(&jail.keep, u->kernel, e) < 0 ||
        jail_fds_add(&jail.keep, u->out, e) < 0)
        return -1;
    return jail_run(&jail, unpack, u, e);
}

/* Unpacks into a file without its name yet. Returns 1, 0 when there is nothing to unpack. */
static int fill(int kernel, int out, struct err *e)
{
    struct unpacking u = {.kernel = kernel, .out = out};
    struct stat st;

    if (unpack_jailed(&u, e) < 0)
        return -1;
    if (fstat(out, &st) < 0 || (st.st_size > 0 && fdatasync(out) < 0))
        return err_errno(e, "the unpacked kernel");
    return st.st_size > 0;
}

static int make(const char *folder, const char *path, int kernel, struct err *e)
{
    _cleanup_free_ char *partial = io_format(e, "%s/.partial-XXXXXX", folder);
    _cleanup_close_ int out = partial != NULL ? mkostemp(partial, O_CLOEXEC) : -1;
    int found;

    if (out < 0)
        return partial == NULL ? -1 : err_errno(e, "%s", partial);
    found = fill(kernel, out, e);
    if (found > 0 && rename(partial, path) < 0)
        found = err_errno(e, "%s", path);
    if (found <= 0)
        unlink(partial);
    return found > 0 ? steal_fd(&out) : -1;
}

int kernel_cache_open(const struct guid *guest, const char *state_folder, int kernel, struct err *e)
{
    char uuid[GUID_TEXT], name[NAME_BYTES];
    _cleanup_free_ char *folder =
        io_format(e, "%s/" FOLDER "/%s", state_folder, guid_print(guest, uuid));
    _cleanup_free_ char *path = NULL;
    int fd;

    e->code = ERR_OK;
    if (folder == NULL || io_make_dirs(folder, e) < 0 || name_kernel(kernel, name, e) < 0)
        return -1;
    path = io_format(e, "%s/%s", folder, name);
    if (path == NULL)
        return -1;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0)
        return fd;
    fd = make(folder, path, kernel, e);
    if (fd >= 0)
        drop_others(folder, name);
    return fd;
}
