// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_log_file.c: whether a file that a person names can have the journal of a disk. Writes
 * nothing. */
#include "core/cleanup.h"
#include "core/io.h"
#include "core/shell.h"
#include "log/disk_log_parts.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK (UINT64_C(1) << 20)

static int refuse(const char *path, const char *why, struct err *e)
{
    err_set(e, ERR_REFUSED, "--journal %s: %s", path, why);
    return err_hint(e, "name a file on another disk that does not exist yet: berth makes it");
}

int log_refuse_to_write(const char *path, bool is_there, struct err *e)
{
    err_set(e, ERR_REFUSED, "--journal %s: it cannot be %s: %s", path,
            is_there ? "written" : "made", strerror(errno));
    if (!is_there)
        return err_hint(e, "name a file on another disk, in a folder that you may write to");
    return err_hint(e,
                    "make it writable, or name another file: where its work is not finished yet, "
                    "a copy of this one");
}

/* The folder in which it will be made. */
static int check_folder(const char *path, struct err *e)
{
    const char *slash = strrchr(path, '/');
    _cleanup_free_ char *folder = slash == NULL   ? io_format(e, ".")
                                  : slash == path ? io_format(e, "/")
                                                  : io_format(e, "%.*s", (int)(slash - path), path);

    if (folder == NULL)
        return -1;
    return access(folder, W_OK | X_OK) < 0 ? log_refuse_to_write(path, false, e) : 0;
}

/* The partitions of two MBRs may begin at the same place: the id tells them apart. */
static bool is_of(const struct table *there, const struct pending *pending)
{
    struct guid uuid = table_mbr_uuid(there, pending->number);

    return log_worked_on(there, pending) != NULL &&
           (there->kind != TABLE_MBR || guid_equal(&uuid, &pending->partition));
}

/* Work that is not finished is somebody's half of a partition, on whatever disk that is. */
static int check_work(const char *path, struct area *area, struct blockdev *disk,
                      const struct table *there, struct err *e)
{
    _cleanup_history_ struct history *history = NULL;
    const struct pending *pending;
    struct shell_word word = shell_quote(path);

    if (area->document == NULL)
        return 0;
    history = history_parse(area->document, area->bytes, e);
    if (history == NULL)
        return err_wrap(e, "--journal %s", path);
    pending = history->pending;
    if (pending == NULL)
        return 0;
    if (is_of(there, pending))
        return log_check_sign(path, disk, there, pending, area, e);
    err_set(e, ERR_REFUSED,
            "--journal %s: its work, %s %s, is not finished and is not of %s, as that is now", path,
            pending->op == HISTORY_MOVE ? "moving" : "resizing",
            table_title(pending->number, pending->name).text, disk->name);
    return err_hint(e,
                    "finish it where it began: berth disk finish DISK --journal %s; when that "
                    "partition is gone, delete the file",
                    word.text);
}

/* 1: it reads as zeros. */
static int is_blank(struct blockdev *bd, struct err *e)
{
    _cleanup_free_ char *buf = malloc(CHUNK);
    struct extent data = {0, 0};

    if (buf == NULL)
        return err_no_memory(e);
    for (uint64_t at = 0; at < bd->bytes;) {
        size_t n;

        if (blockdev_next_data(bd, at, &data, e) < 0)
            return -1;
        if (data.bytes == 0)
            return 1;
        n = data.bytes < CHUNK ? (size_t)data.bytes : CHUNK;
        if (blockdev_pread(bd, buf, n, data.start, e) < 0)
            return -1;
        if (buf[0] != 0 || memcmp(buf, buf + 1, n - 1) != 0)
            return 0;
        at = data.start + n;
    }
    return 1;
}

static int check_content(const char *path, struct blockdev *disk, const struct table *there,
                         struct err *e)
{
    _cleanup_blockdev_ struct blockdev *bd = file_open(path, false, 512, e);
    _cleanup_area_ struct area area = {0};
    struct extent all = {0, bd != NULL ? bd->bytes : 0};
    int found = bd != NULL ? area_find(bd, &all, 1, &area, e) : -1;

    if (found != 0)
        return found < 0 ? -1 : check_work(path, &area, disk, there, e);
    found = is_blank(bd, e);
    if (found < 0)
        return -1;
    if (found == 0)
        return refuse(path, "it holds something that is no journal of berth's", e);
    return bd->bytes < AREA_LEAST ? refuse(path, "it is too small for one", e) : 0;
}

static bool is_same_file(const struct stat *a, const char *path)
{
    struct stat b;

    if (stat(path, &b) < 0)
        return false;
    return (a->st_dev == b.st_dev && a->st_ino == b.st_ino) ||
           (S_ISBLK(a->st_mode) && S_ISBLK(b.st_mode) && a->st_rdev == b.st_rdev);
}

int disk_log_check_file(const char *path, struct blockdev *disk, const struct table *there,
                        struct err *e)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return errno == ENOENT ? check_folder(path, e) : err_errno(e, "the journal %s", path);
    if (access(path, R_OK | W_OK) < 0)
        return log_refuse_to_write(path, true, e);
    if (is_same_file(&st, disk->name))
        return refuse(path, "it is the disk itself", e);
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return refuse(path, "it is no file", e);
    return S_ISREG(st.st_mode) && st.st_size == 0 ? 0 : check_content(path, disk, there, e);
}
