// SPDX-License-Identifier: GPL-3.0-or-later
/* fs_jail.c: a child in the jail reads a filesystem; its result comes back in shared memory. */
#include "fs/fs_jail.h"
#include "block/overlay.h"
#include "core/cleanup.h"
#include "core/jail.h"
#include "core/size.h"

#include <string.h>
#include <sys/mman.h>

struct task {
    struct blockdev *bd;
    fs_jail_fn *fn;
    void *result;
};

static int run_task(void *arg, struct err *e)
{
    struct task *task = arg;

    return task->fn(task->bd, task->result, e);
}

static int run_in_jail(struct task *task, struct err *e)
{
    struct jail_options jail = {.profile = JAIL_READER, .what = "the reader of a filesystem"};

    if (overlay_keep_fds(task->bd, &jail.keep, e) < 0)
        return -1;
    return jail_run(&jail, run_task, task, e);
}

int fs_jail_read(struct blockdev *bd, fs_jail_fn *fn, void *result, size_t bytes, struct err *e)
{
    void *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct task task = {bd, fn, shared};
    int status;

    if (shared == MAP_FAILED)
        return err_errno(e, "memory for the reader of %s", bd->name);
    memcpy(shared, result, bytes);
    status = run_in_jail(&task, e);
    memcpy(result, shared, bytes);
    munmap(shared, bytes);
    return status;
}

/* The geometry comes from the filesystem: it must not make us ask for more than the device has. */
static int check_geometry(struct blockdev *bd, const struct fs_jail_bits *bits, struct err *e)
{
    if (bits->block >= 512 && bits->blocks <= bd->bytes / bits->block)
        return 0;
    return err_set(e, ERR_FAILED, "%s: its filesystem is larger than it", bd->name);
}

int fs_jail_free_blocks(struct blockdev *bd, fs_jail_fn *fn, struct fs_free *free_blocks,
                        struct err *e)
{
    struct fs_jail_bits geometry = {0};
    _cleanup_free_ struct fs_jail_bits *result = NULL;
    size_t n;

    if (fs_jail_read(bd, fn, &geometry, sizeof(geometry), e) < 0 ||
        check_geometry(bd, &geometry, e) < 0)
        return -1;
    n = (size_t)(round_up(geometry.blocks, 8) / 8);
    result = calloc(1, sizeof(*result) + n);
    free_blocks->bits = calloc(1, n);
    if (result == NULL || free_blocks->bits == NULL)
        return err_no_memory(e);
    result->n = n;
    if (fs_jail_read(bd, fn, result, sizeof(*result) + n, e) < 0) {
        free(steal(free_blocks->bits));
        return -1;
    }
    free_blocks->block = geometry.block;
    free_blocks->blocks = geometry.blocks;
    memcpy(free_blocks->bits, result->bits, n);
    return 0;
}
