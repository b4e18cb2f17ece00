// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fs_ntfs_read.c: what libntfs-3g tells of an NTFS volume: whether Windows has left it in a state
 * in which it may be changed, and which clusters are free. Read in the jail, and never written.
 */
#include "core/cleanup.h"
#include "fs/fs_jail.h"
#include "fs/fs_ntfs.h"

#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <ntfs-3g/types.h>

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/device.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/logfile.h>
#include <ntfs-3g/volume.h>

#define CHUNK 65536

/* ---- a blockdev as a device of libntfs-3g ---- */

struct reader {
    struct blockdev *bd;
    s64 position;
};

static struct reader *reader_of(struct ntfs_device *dev)
{
    return dev->d_private;
}

static int device_open(struct ntfs_device *dev, int flags)
{
    (void)flags;
    NDevSetReadOnly(dev);
    NDevSetOpen(dev);
    return 0;
}

static int device_close(struct ntfs_device *dev)
{
    (void)dev;
    return 0;
}

static s64 device_seek(struct ntfs_device *dev, s64 offset, int whence)
{
    struct reader *r = reader_of(dev);
    s64 from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? r->position : (s64)r->bd->bytes;

    if (offset < -from || offset > (s64)r->bd->bytes - from) {
        errno = EINVAL;
        return -1;
    }
    r->position = from + offset;
    return r->position;
}

static s64 device_pread(struct ntfs_device *dev, void *buf, s64 n, s64 offset)
{
    struct reader *r = reader_of(dev);
    struct err ignored;

    if (n < 0 || offset < 0) {
        errno = EINVAL;
        return -1;
    }
    if ((uint64_t)offset >= r->bd->bytes)
        return 0;
    if ((uint64_t)n > r->bd->bytes - (uint64_t)offset)
        n = (s64)(r->bd->bytes - (uint64_t)offset);
    if (blockdev_pread(r->bd, buf, (size_t)n, (uint64_t)offset, &ignored) == 0)
        return n;
    errno = EIO;
    return -1;
}

static s64 device_read(struct ntfs_device *dev, void *buf, s64 n)
{
    s64 got = device_pread(dev, buf, n, reader_of(dev)->position);

    if (got > 0)
        reader_of(dev)->position += got;
    return got;
}

static s64 read_only(void)
{
    errno = EROFS;
    return -1;
}

static s64 device_pwrite(struct ntfs_device *dev, const void *buf, s64 n, s64 offset)
{
    (void)dev, (void)buf, (void)n, (void)offset;
    return read_only();
}

static s64 device_write(struct ntfs_device *dev, const void *buf, s64 n)
{
    (void)dev, (void)buf, (void)n;
    return read_only();
}

static int device_sync(struct ntfs_device *dev)
{
    (void)dev;
    return 0;
}

static int device_stat(struct ntfs_device *dev, struct stat *st)
{
    *st = (struct stat){.st_mode = S_IFREG | 0400, .st_size = (off_t)reader_of(dev)->bd->bytes};
    return 0;
}

static int device_ioctl(struct ntfs_device *dev, unsigned long request, void *argument)
{
    if (request == BLKGETSIZE64)
        *(uint64_t *)argument = reader_of(dev)->bd->bytes;
    else if (request == BLKSSZGET)
        *(int *)argument = (int)reader_of(dev)->bd->sector;
    else
        errno = EOPNOTSUPP;
    return request == BLKGETSIZE64 || request == BLKSSZGET ? 0 : -1;
}

static struct ntfs_device_operations device_ops = {
    .open = device_open,
    .close = device_close,
    .seek = device_seek,
    .read = device_read,
    .write = device_write,
    .pread = device_pread,
    .pwrite = device_pwrite,
    .sync = device_sync,
    .stat = device_stat,
    .ioctl = device_ioctl,
};

static void refuse_unreadable(struct blockdev *bd, struct err *e)
{
    int why = errno;

    if (fs_ntfs_mirror_differs(bd)) {
        err_set(e, ERR_REFUSED,
                "%s: its NTFS is damaged: $MFT, the list of its files, and the copy "
                "of its beginning, $MFTMirr, differ",
                bd->name);
        err_hint(e,
                 "in Windows, run chkdsk /f on that drive; ntfsfix brings the copy in line, too");
        return;
    }
    err_set(e, ERR_REFUSED, "%s: its NTFS is damaged and cannot be read (%s)", bd->name,
            strerror(why));
    err_hint(e, "in Windows, run chkdsk /f on that drive");
}

/* Only ever called in the jail, whose process ends with the work: nothing is freed. */
static ntfs_volume *open_volume(struct reader *reader, struct err *e)
{
    struct ntfs_device *dev = ntfs_device_alloc("volume", 0, &device_ops, reader);
    ntfs_volume *vol;

    if (dev == NULL) {
        err_no_memory(e);
        return NULL;
    }
    vol = ntfs_device_mount(dev, NTFS_MNT_RDONLY | NTFS_MNT_FORENSIC);
    if (vol == NULL)
        refuse_unreadable(reader->bd, e);
    return vol;
}

/* ---- may it be changed? ---- */

static int refuse(struct blockdev *bd, const char *why, const char *way_out, struct err *e)
{
    err_set(e, ERR_REFUSED, "%s: %s", bd->name, why);
    return err_hint(e, "%s", way_out);
}

/* Windows writes the same file for hibernation and for the kernel's half of a fast startup, so
 * that the two cannot be told apart from the volume. */
static int check_hibernation(struct blockdev *bd, ntfs_volume *vol, struct err *e)
{
    if (ntfs_volume_check_hiberfile(vol, 0) == 0)
        return 0;
    if (errno != EPERM)
        return refuse(bd, "whether its Windows is hibernated cannot be read",
                      "in Windows, run chkdsk /f on that drive", e);
    return refuse(bd, "its Windows is hibernated, or was shut down with fast startup",
                  "start that Windows and shut it down with: shutdown /s /f /t 0", e);
}

static int check_journal(struct blockdev *bd, ntfs_volume *vol, struct err *e)
{
    ntfs_inode *inode = ntfs_inode_open(vol, FILE_LogFile);
    ntfs_attr *data = inode != NULL ? ntfs_attr_open(inode, AT_DATA, AT_UNNAMED, 0) : NULL;
    RESTART_PAGE_HEADER *restart = NULL;

    if (data != NULL && ntfs_check_logfile(data, &restart) && ntfs_is_logfile_clean(data, restart))
        return 0;
    return refuse(bd, "its NTFS was not cleanly unmounted: its journal has changes to make",
                  "start its Windows and shut it down, or run ntfsfix on it", e);
}

static int read_ready(struct blockdev *bd, void *result, struct err *e)
{
    struct reader reader = {.bd = bd};
    ntfs_volume *vol = open_volume(&reader, e);

    (void)result;
    if (vol == NULL || check_hibernation(bd, vol, e) < 0)
        return -1;
    if ((vol->flags & VOLUME_IS_DIRTY) != 0)
        return refuse(bd, "its NTFS is marked dirty: Windows wants to check it",
                      "in Windows, run chkdsk /f on that drive, twice if it says so", e);
    return check_journal(bd, vol, e);
}

int fs_ntfs_ready(struct blockdev *bd, struct err *e)
{
    struct fs_ntfs_boot boot;
    char none = 0;

    if (fs_ntfs_boot_read(bd, &boot, e) < 0)
        return -1;
    return fs_jail_read(bd, read_ready, &none, sizeof(none), e);
}

static int read_opens(struct blockdev *bd, void *result, struct err *e)
{
    struct reader reader = {.bd = bd};

    (void)result;
    return open_volume(&reader, e) != NULL ? 0 : -1;
}

int fs_ntfs_mounts(struct blockdev *bd, struct err *e)
{
    char none = 0;

    if (fs_jail_read(bd, read_opens, &none, sizeof(none), e) == 0)
        return 0;
    e->code = ERR_VERIFY;
    return -1;
}

/* ---- which clusters are free? ---- */

static int read_free(struct blockdev *bd, void *result, struct err *e)
{
    struct fs_jail_bits *bits = result;
    struct reader reader = {.bd = bd};
    ntfs_volume *vol = open_volume(&reader, e);

    if (vol == NULL)
        return -1;
    bits->block = vol->cluster_size;
    bits->blocks = (uint64_t)vol->nr_clusters;
    for (uint64_t at = 0, n; at < bits->n; at += n) {
        n = bits->n - at < CHUNK ? bits->n - at : CHUNK;
        if (ntfs_attr_pread(vol->lcnbmp_na, (s64)at, (s64)n, bits->bits + at) != (s64)n)
            return err_set(e, ERR_IO, "%s: reading which clusters are free: %s", bd->name,
                           strerror(errno));
    }
    for (uint64_t i = 0; i < bits->n; i++)
        bits->bits[i] = (uint8_t)~bits->bits[i];
    return 0;
}

int fs_ntfs_free_blocks(struct blockdev *bd, struct fs_free *free_blocks, struct err *e)
{
    return fs_jail_free_blocks(bd, read_free, free_blocks, e);
}
