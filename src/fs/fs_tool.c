// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fs_tool.c: runs the filesystems' own tools. They work on overlays: over the device when they
 * check or change a filesystem, over zeros in memory when they make one. An overlay knows what was
 * written or zeroed, so that a device that holds anything at all reads as the tool meant it to.
 */
#include "fs/fs_tool.h"
#include "block/overlay.h"
#include "core/cleanup.h"
#include "core/size.h"

#include <string.h>

#define ARGS_MAX   32
#define WIPE       (4 * MIB)
#define COPY_CHUNK MIB
#define WORDS      640 /* bytes of a tool's last words */

const char fs_tool_device[] = "DEVICE";

int fs_tool_run(struct blockdev *bd, const char *const *argv, int *status, char **said,
                struct err *e)
{
    _cleanup_blockdev_ struct blockdev *own = NULL;
    struct blockdev *overlay = bd;
    const char *args[ARGS_MAX] = {NULL};
    char path[MEM_PATH];
    struct spawn spawn = {
        .argv = args, .stdin_fd = -1, .stdout_fd = -1, .merge_stderr = true, .status = status};

    if (!overlay_is(bd)) {
        overlay = own = overlay_open(bd, NULL, e);
        if (own == NULL)
            return -1;
    }
    overlay_path(overlay, path);
    for (size_t i = 0; i < ARGS_MAX - 1 && argv[i] != NULL; i++)
        args[i] = argv[i] == fs_tool_device ? path : argv[i];
    return overlay_run(overlay, &spawn, said, e);
}

/* How long the path of one of our descriptors is that the text starts with; 0: none. */
static size_t descriptor_path(const char *text)
{
    char prefix[32];
    size_t len = (size_t)snprintf(prefix, sizeof(prefix), "/proc/%d/fd/", (int)getpid());

    return strncmp(text, prefix, len) == 0 ? len + strspn(text + len, "0123456789") : 0;
}

/* The last whole lines of what a tool printed: as many as say enough. */
static const char *last_lines(const char *said)
{
    size_t len = strlen(said);
    const char *from = said + len - WORDS / 2, *line;

    if (len <= WORDS / 2)
        return said;
    line = strchr(from, '\n');
    return line != NULL && line[1 + strspn(line + 1, " \n")] != '\0' ? line + 1 : from;
}

/* The end of what a tool printed, on one line, with the device's name for the path it got. */
static void last_words(const char *said, const char *name, char words[WORDS])
{
    size_t n = 0, path;
    const char *from = last_lines(said);

    while (*from != '\0' && n < WORDS - 1) {
        path = descriptor_path(from);
        if (path > 0)
            n += (size_t)snprintf(words + n, WORDS - n, "%s", name);
        else if ((unsigned char)*from > ' ')
            words[n++] = *from;
        else if (n > 0 && words[n - 1] != ' ')
            words[n++] = ' ';
        from += path > 0 ? path : 1;
    }
    n = n < WORDS ? n : WORDS - 1;
    while (n > 0 && words[n - 1] == ' ')
        n--;
    words[n] = '\0';
}

int fs_tool_must(struct blockdev *bd, const char *const *argv, enum err_code code, char **said,
                 struct err *e)
{
    _cleanup_free_ char *out = NULL;
    char words[WORDS];
    int status = 0;

    if (fs_tool_run(bd, argv, &status, &out, e) < 0)
        return err_wrap(e, "%s", bd->name);
    if (status != 0) {
        last_words(out, bd->name, words);
        return err_set(e, code, "%s: %s ended with status %d: %s", bd->name, argv[0], status,
                       words);
    }
    if (said != NULL)
        *said = steal(out);
    return 0;
}

/* btrfs keeps copies at fixed places in the middle (its on-disk format, "superblock"). */
static const uint64_t middle[] = {64 * MIB, 256 * GIB};

static int wipe_range(struct blockdev *bd, uint64_t start, uint64_t bytes, struct err *e)
{
    if (start >= bd->bytes)
        return 0;
    return blockdev_zero(bd, start, bytes < bd->bytes - start ? bytes : bd->bytes - start, e);
}

int fs_tool_wipe(struct blockdev *bd, struct err *e)
{
    for (size_t i = 0; i < sizeof(middle) / sizeof(middle[0]); i++)
        if (wipe_range(bd, middle[i], 4096, e) < 0)
            return -1;
    if (bd->bytes > WIPE && wipe_range(bd, bd->bytes - WIPE, WIPE, e) < 0)
        return -1;
    return wipe_range(bd, 0, WIPE, e);
}

static int copy_changed(struct blockdev *stage, struct blockdev *to, struct err *e)
{
    struct extent run = {0};
    _cleanup_free_ void *buf = NULL;

    if (posix_memalign(&buf, 4096, COPY_CHUNK) != 0)
        return err_no_memory(e);
    for (;;) {
        overlay_changed(stage, extent_end(&run), &run);
        if (run.bytes == 0)
            return 0;
        for (uint64_t done = 0, n; done < run.bytes; done += n) {
            n = run.bytes - done < COPY_CHUNK ? run.bytes - done : COPY_CHUNK;
            if (blockdev_pread(stage, buf, n, run.start + done, e) < 0 ||
                blockdev_pwrite(to, buf, n, run.start + done, e) < 0)
                return -1;
        }
    }
}

int fs_tool_make(struct blockdev *bd, uint64_t bytes, const char *const *argv, fs_tool_patch *patch,
                 const struct fs_options *options, struct err *e)
{
    _cleanup_blockdev_ struct blockdev *zeros = mem_open(bytes, bd->sector, e), *stage = NULL;

    if (zeros == NULL || (stage = overlay_open(zeros, NULL, e)) == NULL)
        return -1;
    if (fs_tool_must(stage, argv, ERR_TOOL, NULL, e) < 0 ||
        (patch != NULL && patch(stage, options, e) < 0) || fs_tool_wipe(bd, e) < 0 ||
        copy_changed(stage, bd, e) < 0)
        return err_wrap(e, "making a filesystem on %s", bd->name);
    return 0;
}

int fs_tool_label(const struct fs_options *options, const char *kind, size_t most,
                  const char **label, struct err *e)
{
    *label = options->label != NULL ? options->label : "";
    if (strlen(*label) <= most)
        return 0;
    return err_set(e, ERR_USAGE, "the label \"%s\" is longer than the %zu bytes of %s", *label,
                   most, kind);
}

int fs_tool_too_small(const struct blockdev *bd, const char *kind, uint64_t least, struct err *e)
{
    char has[SIZE_TEXT], needs[SIZE_TEXT];

    return err_set(e, ERR_NO_SPACE, "%s: %s are too few for %s, which takes %s or more", bd->name,
                   size_human(bd->bytes, has, sizeof(has)), kind,
                   size_human(least, needs, sizeof(needs)));
}
