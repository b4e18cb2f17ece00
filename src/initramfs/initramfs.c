// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * initramfs.c: an initramfs by libarchive. gzip, since every kernel that has an initramfs unpacks
 * it. Which libraries a program needs is asked of the loader itself, by its own --list: what it
 * says is what it will open there.
 */
#include "initramfs/initramfs.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/spawn.h"
#include "core/strings.h"
#include "tree/libarchive.h"

#include <string.h>

#define LOADER   "/lib64/ld-linux-x86-64.so.2" /* the System V ABI of amd64 names it */
#define FILE_MAX ((size_t)512 << 20)

struct initramfs {
    struct archive *out;
    struct strings made; /* files and folders */
};

static int archive_failed(struct archive *archive, const char *what, struct err *e)
{
    const char *why = la.archive_error_string(archive);

    return err_set(e, ERR_FAILED, "%s: %s", what, why != NULL ? why : "unknown reason");
}

struct initramfs *initramfs_new(int fd, bool packed, struct err *e)
{
    _cleanup_initramfs_ struct initramfs *ir = calloc(1, sizeof(*ir));

    if (libarchive_load(e) < 0)
        return NULL;
    if (ir == NULL || (ir->out = la.archive_write_new()) == NULL) {
        err_no_memory(e);
        return NULL;
    }
    if (la.archive_write_set_format_cpio_newc(ir->out) != ARCHIVE_OK ||
        (packed && la.archive_write_add_filter_gzip(ir->out) != ARCHIVE_OK) ||
        la.archive_write_open_fd(ir->out, fd) != ARCHIVE_OK) {
        archive_failed(ir->out, "a new initramfs", e);
        return NULL;
    }
    return steal(ir);
}

void initramfs_cleanup(struct initramfs **ir)
{
    if (*ir == NULL)
        return;
    la.archive_write_free((*ir)->out);
    strings_clear(&(*ir)->made);
    free(*ir);
}

/* One entry: a file with these bytes, or a folder. */
static int add_entry(struct initramfs *ir, const char *path, unsigned type, unsigned mode,
                     const void *data, size_t len, struct err *e)
{
    struct archive_entry *entry = la.archive_entry_new();
    int result = 0;

    if (entry == NULL || strings_add(&ir->made, path, strlen(path), e) < 0) {
        la.archive_entry_free(entry);
        return err_no_memory(e);
    }
    la.archive_entry_set_pathname(entry, path);
    la.archive_entry_set_filetype(entry, type);
    la.archive_entry_set_perm(entry, (__LA_MODE_T)mode);
    la.archive_entry_set_size(entry, (la_int64_t)len);
    la.archive_entry_set_nlink(entry, 1);
    if (la.archive_write_header(ir->out, entry) != ARCHIVE_OK ||
        (len > 0 && la.archive_write_data(ir->out, data, len) != (la_ssize_t)len))
        result = archive_failed(ir->out, path, e);
    la.archive_entry_free(entry);
    return result;
}

int initramfs_knows(struct initramfs *ir, const char *folder, struct err *e)
{
    return strings_add(&ir->made, folder, strlen(folder), e);
}

static int add_folders(struct initramfs *ir, const char *path, struct err *e)
{
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        _cleanup_free_ char *folder = strndup(path, (size_t)(slash - path));

        if (folder == NULL)
            return err_no_memory(e);
        if (!strings_have(&ir->made, folder) &&
            add_entry(ir, folder, AE_IFDIR, 0755, NULL, 0, e) < 0)
            return -1;
    }
    return 0;
}

int initramfs_add_data(struct initramfs *ir, const char *to, unsigned mode, const void *data,
                       size_t len, struct err *e)
{
    if (strings_have(&ir->made, to))
        return 0;
    return add_folders(ir, to, e) < 0 ? -1 : add_entry(ir, to, AE_IFREG, mode, data, len, e);
}

/* Everything that is in the open archive's only entry. */
static int read_all(struct archive *in, char **data, size_t *len, struct err *e)
{
    size_t room = 0;
    la_ssize_t got = 1;

    while (got > 0) {
        if (*len == room) {
            char *grown =
                room < FILE_MAX ? realloc(*data, room = room > 0 ? 2 * room : 1 << 20) : NULL;

            if (grown == NULL)
                return err_no_memory(e);
            *data = grown;
        }
        got = la.archive_read_data(in, *data + *len, room - *len);
        if (got > 0)
            *len += (size_t)got;
    }
    return got < 0 ? archive_failed(in, "unpacking", e) : 0;
}

/* What `in` becomes when it opens a file or a memory; the bytes, unpacked where they are packed,
 * are new. */
static int unpack(struct archive *in, int opened, char **data, size_t *len, struct err *e)
{
    struct archive_entry *entry;

    return opened != ARCHIVE_OK || la.archive_read_next_header(in, &entry) != ARCHIVE_OK
               ? archive_failed(in, "unpacking", e)
               : read_all(in, data, len, e);
}

/* Something that reads bytes, packed or not. The filters are those that start no program. */
static struct archive *new_reader(void)
{
    struct archive *in = la.archive_read_new();

    if (in == NULL)
        return NULL;
    la.archive_read_support_filter_gzip(in);
    la.archive_read_support_filter_xz(in);
    la.archive_read_support_filter_zstd(in);
    la.archive_read_support_format_raw(in);
    return in;
}

int initramfs_add_unpacked(struct initramfs *ir, const char *to, unsigned mode, const void *data,
                           size_t len, struct err *e)
{
    struct archive *in = new_reader();
    _cleanup_free_ char *unpacked = NULL;
    size_t unpacked_len = 0;
    int result;

    if (in == NULL)
        return err_no_memory(e);
    result = unpack(in, la.archive_read_open_memory(in, data, len), &unpacked, &unpacked_len, e);
    la.archive_read_free(in);
    return result < 0 ? err_wrap(e, "%s", to)
                      : initramfs_add_data(ir, to, mode, unpacked, unpacked_len, e);
}

/* The bytes of a file, unpacked where it is packed; new. */
static int read_unpacked(const char *path, char **data, size_t *len, struct err *e)
{
    struct archive *in = new_reader();
    int result;

    if (in == NULL)
        return err_no_memory(e);
    result = unpack(in, la.archive_read_open_filename(in, path, 1 << 16), data, len, e);
    la.archive_read_free(in);
    return result < 0 ? err_wrap(e, "%s", path) : 0;
}

int initramfs_add_file(struct initramfs *ir, const char *from, const char *to, unsigned mode,
                       struct err *e)
{
    _cleanup_free_ char *data = NULL;
    size_t len = 0;

    if (strings_have(&ir->made, to))
        return 0;
    if (read_unpacked(from, &data, &len, e) < 0)
        return -1;
    return initramfs_add_data(ir, to, mode, data, len, e);
}

/* "	libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x...)", or only the path. */
static int add_library(struct initramfs *ir, char *line, struct err *e)
{
    char *path = strchr(line, '/');

    if (strstr(line, "not found") != NULL)
        return err_set(e, ERR_NOT_FOUND, "the library of \"%s\"", line + strspn(line, "\t "));
    if (path == NULL)
        return 0;
    path[strcspn(path, " ")] = '\0';
    return initramfs_add_file(ir, path, path + 1, 0755, e);
}

int initramfs_add_program(struct initramfs *ir, const char *from, const char *to, struct err *e)
{
    _cleanup_free_ char *told = NULL;
    char *next, *line;

    if (initramfs_add_file(ir, from, to, 0755, e) < 0 ||
        initramfs_add_file(ir, LOADER, &LOADER[1], 0755, e) < 0 ||
        spawn_tool(&told, e, LOADER, "--list", from, NULL) < 0)
        return -1;
    next = told;
    while ((line = strsep(&next, "\n")) != NULL)
        if (add_library(ir, line, e) < 0)
            return err_wrap(e, "%s", from);
    return 0;
}

int initramfs_finish(struct initramfs *ir, struct err *e)
{
    return la.archive_write_close(ir->out) == ARCHIVE_OK
               ? 0
               : archive_failed(ir->out, "the initramfs", e);
}
