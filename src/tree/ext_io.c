// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * ext_io.c: an io_manager of libext2fs over a blockdev.
 *
 * libext2fs hands on only an errcode_t, so the device's first error is kept in struct ext_io until
 * someone asks. Nothing is cached here: what the writer's stream puts out behind the library's back
 * is seen by the next read.
 */
#include "tree/ext_io.h"

#include <et/com_err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* open() of an io_manager gets a name and nothing else; this is what it opens. */
static _Thread_local struct ext_io *opening;

static struct ext_io *channel_io(io_channel channel)
{
    return channel->private_data;
}

static errcode_t io_open(const char *name, int flags, io_channel *made);

static errcode_t io_close(io_channel channel)
{
    if (--channel->refcount > 0)
        return 0;
    free(channel->name);
    free(channel);
    return 0;
}

static errcode_t io_set_blksize(io_channel channel, int blksize)
{
    channel->block_size = blksize;
    return 0;
}

static errcode_t keep_error(struct ext_io *io, const struct err *err, errcode_t code)
{
    if (!io->failed) {
        io->err = *err;
        io->failed = true;
    }
    return code;
}

/* A negative count is bytes, by libext2fs's convention. */
static size_t count_bytes(io_channel channel, int count)
{
    return count < 0 ? -(size_t)count : (size_t)count * (size_t)channel->block_size;
}

static errcode_t io_read_blk64(io_channel channel, unsigned long long block, int count, void *data)
{
    struct ext_io *io = channel_io(channel);
    struct err err;
    uint64_t offset;

    if (__builtin_mul_overflow(block, (uint64_t)channel->block_size, &offset))
        return EXT2_ET_SHORT_READ;
    if (blockdev_pread(io->bd, data, count_bytes(channel, count), offset, &err) < 0)
        return keep_error(io, &err, EXT2_ET_SHORT_READ);
    return 0;
}

static errcode_t io_write_blk64(io_channel channel, unsigned long long block, int count,
                                const void *data)
{
    struct ext_io *io = channel_io(channel);
    struct err err;
    uint64_t offset;

    if (__builtin_mul_overflow(block, (uint64_t)channel->block_size, &offset))
        return EXT2_ET_SHORT_WRITE;
    if (blockdev_pwrite(io->bd, data, count_bytes(channel, count), offset, &err) < 0)
        return keep_error(io, &err, EXT2_ET_SHORT_WRITE);
    return 0;
}

static errcode_t io_read_blk(io_channel channel, unsigned long block, int count, void *data)
{
    return io_read_blk64(channel, block, count, data);
}

static errcode_t io_write_blk(io_channel channel, unsigned long block, int count, const void *data)
{
    return io_write_blk64(channel, block, count, data);
}

static errcode_t io_zeroout(io_channel channel, unsigned long long block, unsigned long long count)
{
    struct ext_io *io = channel_io(channel);
    uint64_t unit = (uint64_t)channel->block_size;
    struct err err;

    if (blockdev_zero(io->bd, block * unit, count * unit, &err) < 0)
        return keep_error(io, &err, EXT2_ET_SHORT_WRITE);
    return 0;
}

static errcode_t io_flush(io_channel channel)
{
    struct ext_io *io = channel_io(channel);
    struct err err;

    if (blockdev_flush(io->bd, &err) < 0)
        return keep_error(io, &err, EXT2_ET_SHORT_WRITE);
    return 0;
}

static struct struct_io_manager manager = {
    .magic = EXT2_ET_MAGIC_IO_MANAGER,
    .name = "berth block device",
    .open = io_open,
    .close = io_close,
    .set_blksize = io_set_blksize,
    .read_blk = io_read_blk,
    .write_blk = io_write_blk,
    .read_blk64 = io_read_blk64,
    .write_blk64 = io_write_blk64,
    .zeroout = io_zeroout,
    .flush = io_flush,
};

static errcode_t io_open(const char *name, int flags, io_channel *made)
{
    io_channel channel = calloc(1, sizeof(*channel));

    (void)flags;
    if (channel == NULL)
        return EXT2_ET_NO_MEMORY;
    channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
    channel->manager = &manager;
    channel->name = strdup(name);
    channel->block_size = 1024;
    channel->refcount = 1;
    channel->private_data = opening;
    if (channel->name == NULL) {
        free(channel);
        return EXT2_ET_NO_MEMORY;
    }
    *made = channel;
    return 0;
}

static void add_messages(void)
{
    add_error_table(&et_ext2_error_table);
}

int ext_io_open(struct ext_io *io, struct blockdev *bd, int flags, struct err *e)
{
    errcode_t code;

    *io = (struct ext_io){.bd = bd};
    opening = io;
    code = ext2fs_open2(bd->name, NULL, flags, 0, 0, &manager, &io->fs);
    opening = NULL;
    if (code == 0)
        return 0;
    io->fs = NULL;
    return ext_io_error(io, code, "opening the ext filesystem", e);
}

void ext_io_close(struct ext_io *io)
{
    if (io->fs == NULL)
        return;
    ext2fs_free(io->fs);
    io->fs = NULL;
}

static enum err_code error_class(errcode_t code)
{
    switch (code) {
    case EXT2_ET_NO_MEMORY:
    case ENOMEM:
        return ERR_NO_MEMORY;
    case EXT2_ET_UNSUPP_FEATURE:
    case EXT2_ET_RO_UNSUPP_FEATURE:
    case EXT2_ET_REV_TOO_HIGH:
        return ERR_UNSUPPORTED;
    case EXT2_ET_FILE_NOT_FOUND:
        return ERR_NOT_FOUND;
    case EXT2_ET_BLOCK_ALLOC_FAIL:
    case EXT2_ET_INODE_ALLOC_FAIL:
        return ERR_NO_SPACE;
    default:
        return ERR_FAILED;
    }
}

int ext_io_error(struct ext_io *io, errcode_t code, const char *what, struct err *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, add_messages);
    if (io->failed) {
        *e = io->err;
        return err_wrap(e, "%s: %s", io->bd->name, what);
    }
    return err_set(e, error_class(code), "%s: %s: %s", io->bd->name, what, error_message(code));
}
