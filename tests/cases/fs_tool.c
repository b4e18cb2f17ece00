// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fs_tool.c: one operation of a filesystem's row on an image file, for tests/cases/test_fs.py.
 *
 * Usage: fs_tool make|ready|check|bounds|free|written|resize|mounted|moved KIND FILE [ARGUMENT]
 * resize works on an overlay and then brings its changes to the file, as the partition tool does.
 * Ends with berth's exit status.
 */
#include "block/overlay.h"
#include "core/cleanup.h"
#include "core/guid.h"
#include "fs/fs.h"

#include <string.h>

struct request {
    const struct fs_ops *ops;
    struct blockdev *bd;
    const char *argument;
};

/* The argument is a label. */
static int do_make(const struct request *r, struct err *e)
{
    struct fs_options options = {
        .label = r->argument, .at = 1 << 20, .key_file = getenv("FS_TOOL_KEY")};

    if (guid_parse("6a5b4c3d-1234-4abc-9def-0123456789ab", &options.uuid, e) < 0)
        return -1;
    return r->ops->make(r->bd, &options, e);
}

static int do_ready(const struct request *r, struct err *e)
{
    return r->ops->ready(r->bd, e);
}

static int do_check(const struct request *r, struct err *e)
{
    return r->ops->check(r->bd, e);
}

static int do_bounds(const struct request *r, struct err *e)
{
    struct fs_bounds bounds;

    if (r->ops->bounds(r->bd, &bounds, e) < 0)
        return -1;
    printf("%llu %llu %llu %llu %llu\n", (unsigned long long)bounds.now,
           (unsigned long long)bounds.least, (unsigned long long)bounds.most,
           (unsigned long long)bounds.unit, (unsigned long long)fs_bounds_floor(&bounds));
    return 0;
}

/* Fills every free block with 0xff: nothing may be lost by that. */
static int do_free(const struct request *r, struct err *e)
{
    struct fs_free found;
    unsigned long long n = 0;
    _cleanup_free_ char *junk = NULL;
    int result = 0;

    if (r->ops->free_blocks(r->bd, &found, e) < 0)
        return -1;
    junk = malloc(found.block);
    memset(junk, 0xff, found.block);
    for (uint64_t i = 0; result == 0 && i < found.blocks; i++)
        if ((found.bits[i / 8] >> (i % 8) & 1) != 0) {
            result = blockdev_pwrite(r->bd, junk, found.block, i * found.block, e);
            n++;
        }
    free(found.bits);
    printf("%llu of %llu blocks of %llu\n", n, (unsigned long long)found.blocks,
           (unsigned long long)found.block);
    return result;
}

static int do_written(const struct request *r, struct err *e)
{
    uint64_t seconds;

    if (r->ops->written(r->bd, &seconds, e) < 0)
        return -1;
    printf("%llu\n", (unsigned long long)seconds);
    return 0;
}

static int bring_over(struct blockdev *overlay, struct blockdev *to, struct err *e)
{
    struct extent run = {0};

    for (;;) {
        _cleanup_free_ void *buf = NULL;

        overlay_changed(overlay, extent_end(&run), &run);
        if (run.bytes == 0)
            return 0;
        buf = malloc(run.bytes);
        if (buf == NULL)
            return err_no_memory(e);
        if (blockdev_pread(overlay, buf, run.bytes, run.start, e) < 0 ||
            blockdev_pwrite(to, buf, run.bytes, run.start, e) < 0)
            return -1;
    }
}

static int do_resize(const struct request *r, struct err *e)
{
    _cleanup_blockdev_ struct blockdev *overlay = overlay_open(r->bd, "/tmp", e);

    if (overlay == NULL || r->ops->resize(overlay, strtoull(r->argument, NULL, 10), e) < 0)
        return -1;
    return bring_over(overlay, r->bd, e);
}

static int do_moved(const struct request *r, struct err *e)
{
    return r->ops->moved(r->bd, strtoull(r->argument, NULL, 10), e);
}

/* The argument is a size, or 0 for all of the file. */
static int do_mounted(const struct request *r, struct err *e)
{
    bool empty;

    if (fs_resize_by_mount(r->ops, r->bd, NULL, strtoull(r->argument, NULL, 10), &empty, e) < 0)
        return -1;
    printf("%s\n", empty ? "empty" : "has files");
    return 0;
}

static const struct {
    const char *name;
    int (*fn)(const struct request *r, struct err *e);
} operations[] = {
    {"make", do_make},       {"ready", do_ready}, {"check", do_check},
    {"bounds", do_bounds},   {"free", do_free},   {"resize", do_resize},
    {"written", do_written}, {"moved", do_moved}, {"mounted", do_mounted},
};

static int fail(const struct err *e)
{
    fprintf(stderr, "fs_tool: %s\n", e->text);
    if (*e->hint != '\0')
        fprintf(stderr, "hint: %s\n", e->hint);
    return err_exit_status(e->code);
}

int main(int argc, char **argv)
{
    struct request r = {.argument = argc > 4 ? argv[4] : NULL};
    _cleanup_blockdev_ struct blockdev *bd = NULL;
    struct err e = {0};

    if (argc < 4 || (r.ops = fs_by_name(argv[2])) == NULL)
        return 2;
    r.bd = bd = file_open(argv[3], true, 512, &e);
    if (bd == NULL)
        return fail(&e);
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
        if (strcmp(operations[i].name, argv[1]) == 0)
            return operations[i].fn(&r, &e) < 0 ? fail(&e) : 0;
    return 2;
}
