// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * overlay_tool.c: runs an external tool on an overlay, with the library that shows it what is
 * below.
 *
 * Everything is handed over as paths of descriptors of this process. The overlay's file alone is of
 * the right size, but has holes where nothing was written: a tool that somehow runs without the
 * library reads zeros there, and finds no filesystem. The library counts itself in the map, so that
 * such a run is seen; and what it writes sets no bit in the map, so that it counts for nothing.
 */
#include "block/overlay.h"
#include "block/overlay_parts.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/libexec.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define LIBRARY  "berth-overlay.so"
#define ENV_MAX  16
#define ENV_TEXT 128

struct tool_env {
    char file[ENV_TEXT], map[ENV_TEXT], below[ENV_TEXT], preload[ENV_TEXT];
    const char *entries[ENV_MAX + 1];
};

char *overlay_library(struct err *e)
{
    return libexec_path(LIBRARY, e);
}

static void env_path(char entry[ENV_TEXT], const char *name, int fd)
{
    snprintf(entry, ENV_TEXT, "%s=/proc/%d/fd/%d", name, (int)getpid(), fd);
}

/* The descriptor's path as the library's, too: ld.so would split a name at a space or colon. */
static int make_env(struct overlay *o, const struct extent *shown, int library,
                    const struct spawn *spawn, struct tool_env *env, struct err *e)
{
    struct overlay_map *map = o->store.map;
    struct extent below_shown = *shown;
    uint64_t start;
    size_t n = 0;
    int below;

    if (extent_end(shown) > map->below_bytes) /* what is behind it reads as zeros */
        below_shown.bytes = shown->start < map->below_bytes ? map->below_bytes - shown->start : 0;
    if (blockdev_fd_extent(o->below, below_shown, &below, &start, e) < 0)
        return -1;
    map->below_start = start - shown->start;
    map->shown_start = shown->start;
    map->shown_bytes = shown->bytes;
    env_path(env->file, OVERLAY_ENV_FILE, o->store.fd);
    env_path(env->map, OVERLAY_ENV_MAP, o->map_fd);
    env_path(env->below, OVERLAY_ENV_BELOW, below);
    env_path(env->preload, "LD_PRELOAD", library);
    env->entries[n++] = env->file;
    env->entries[n++] = env->map;
    env->entries[n++] = env->below;
    env->entries[n++] = env->preload;
    env->entries[n++] = "LC_ALL=C.UTF-8"; /* labels may be in any script, messages in English */
    env->entries[n++] = "LANGUAGE=";
    for (size_t i = 0; spawn->env != NULL && spawn->env[i] != NULL && n < ENV_MAX; i++)
        env->entries[n++] = spawn->env[i];
    env->entries[n] = NULL;
    return 0;
}

char *overlay_path(struct blockdev *bd, char path[MEM_PATH])
{
    snprintf(path, MEM_PATH, "/proc/%d/fd/%d", (int)getpid(), ((struct overlay *)bd)->store.fd);
    return path;
}

int overlay_run(struct blockdev *bd, const struct spawn *spawn, char **out, struct err *e)
{
    return overlay_run_part(bd, &(struct extent){0, bd->bytes}, spawn, out, e);
}

int overlay_run_part(struct blockdev *bd, const struct extent *shown, const struct spawn *spawn,
                     char **out, struct err *e)
{
    struct overlay *o = (struct overlay *)bd;
    _cleanup_close_ int library = libexec_open(LIBRARY, e);
    struct spawn with = *spawn;
    struct tool_env env;
    uint64_t before = __atomic_load_n(&o->store.map->tools, __ATOMIC_ACQUIRE);
    int result;

    if (library < 0 || make_env(o, shown, library, spawn, &env, e) < 0)
        return -1;
    with.env = env.entries;
    result = spawn_run(&with, out, e);
    if ((result == 0 || e->code == ERR_TOOL) &&
        __atomic_load_n(&o->store.map->tools, __ATOMIC_ACQUIRE) == before) {
        if (result == 0 && out != NULL)
            free(*out);
        return err_set(e, ERR_TOOL, "%s could not be given %s", spawn->argv[0], LIBRARY);
    }
    return result;
}

int overlay_keep_fds(struct blockdev *bd, struct jail_fds *fds, struct err *e)
{
    struct extent all = {0, bd->bytes};
    uint64_t start;
    int fd;

    if (overlay_is(bd)) {
        struct overlay *o = (struct overlay *)bd;

        return jail_fds_add(fds, o->store.fd, e) < 0 ? -1 : overlay_keep_fds(o->below, fds, e);
    }
    return blockdev_fd_extent(bd, all, &fd, &start, e) < 0 ? -1 : jail_fds_add(fds, fd, e);
}
