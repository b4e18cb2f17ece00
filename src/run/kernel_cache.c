// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * kernel_cache.c: a file named by size and checksum of the packed kernel.
 *
 * The checksum is of both ends of the kernel only: its version and when it was built are at the
 * start, its own checksum or signature is at the end, so two kernels differ there (kernel:
 * Documentation/arch/x86/boot.rst). It need not resist anybody: who can make two kernels alike by
 * it has both in its own partition.
 */
#include "run/kernel_cache.h"
#include "core/cleanup.h"
#include "core/jail.h"
#include "os/kernel_payload.h"
#include "run/boot_reader.h"
#include "run/guest_cache.h"
#include "tree/libarchive.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <zlib.h>

#define FOLDER     "kernels"
#define NAME_BYTES 64

static int name_kernel(int kernel, char name[NAME_BYTES], struct err *e)
{
    struct stat st;
    size_t bytes, end;
    uint8_t *all;
    uLong crc;

    if (fstat(kernel, &st) < 0)
        return err_errno(e, "the kernel");
    bytes = (size_t)st.st_size;
    end = bytes < BOOT_KERNEL_END ? bytes : BOOT_KERNEL_END;
    all = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, kernel, 0);
    if (all == MAP_FAILED)
        return err_errno(e, "the kernel");
    crc = crc32_z(crc32_z(0, all, end), all + bytes - end, end);
    snprintf(name, NAME_BYTES, "%zu-%08lx", bytes, crc);
    munmap(all, bytes);
    return 0;
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

/* As guest_cache_fill: there may be nothing to unpack. */
static int unpack_into(void *arg, int out, struct err *e)
{
    struct unpacking *u = arg;
    struct stat st;

    u->out = out;
    if (unpack_jailed(u, e) < 0)
        return -1;
    if (fstat(out, &st) < 0)
        return err_errno(e, "the unpacked kernel");
    return st.st_size > 0;
}

/* fill NULL: only looks for it. */
static int open_cached(const struct guid *guest, const char *state_folder, int kernel,
                       guest_cache_fill *fill, struct err *e)
{
    char name[NAME_BYTES];
    struct unpacking u = {.kernel = kernel};
    const struct guest_cache cache = {.state_folder = state_folder,
                                      .kind = FOLDER,
                                      .guest = guest,
                                      .name = name,
                                      .fill = fill,
                                      .arg = &u};

    return name_kernel(kernel, name, e) < 0 ? -1 : guest_cache_open(&cache, e);
}

int kernel_cache_open(const struct guid *guest, const char *state_folder, int kernel, struct err *e)
{
    return open_cached(guest, state_folder, kernel, unpack_into, e);
}

int kernel_cache_find(const struct guid *guest, const char *state_folder, int kernel, struct err *e)
{
    return open_cached(guest, state_folder, kernel, NULL, e);
}
