// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * overlay.h: a copy-on-write layer on which external tools can work. They open an ordinary file,
 * and a library that is preloaded into them (preload/overlay.c) lets them read what is below it. So
 * no tool sees a disk, and none needs root, a loop device or a mount.
 */
#ifndef BERTH_BLOCK_OVERLAY_H
#define BERTH_BLOCK_OVERLAY_H

#include "block/blockdev.h"
#include "core/jail.h"
#include "core/overlay_store.h"
#include "core/spawn.h"

/*
 * As overlay_open (blockdev.h), `bytes` large, which may be more or less than the device below:
 * what lies behind its end reads as zeros. To grow what is in a partition, rather open one over the
 * range it will have: then what its new part holds is seen as it is.
 */
struct blockdev *overlay_open_sized(struct blockdev *below, uint64_t bytes, const char *folder,
                                    struct err *e);

bool overlay_is(const struct blockdev *bd);

/* One that goes on with the files of another (overlay_files) over the same device. They become the
 * overlay's, also on failure. */
struct blockdev *overlay_adopt(struct blockdev *below, int file, int map, struct err *e);

/* Its file and its map (core/overlay_store.h), for another process that is to work on it. They stay
 * the overlay's. */
void overlay_files(struct blockdev *overlay, int *file, int *map);

/* The next range at or behind `offset` that was written, in whole blocks of 4096 bytes as far as
 * the overlay goes; bytes 0: none. What was written may be what is below, too. */
void overlay_changed(struct blockdev *overlay, uint64_t offset, struct extent *changed);

/* Makes it that many bytes large, no more than it is: what was written behind them is forgotten. */
int overlay_cut(struct blockdev *overlay, uint64_t bytes, struct err *e);

/* The path by which a tool started by overlay_run opens the overlay. Returns path. */
char *overlay_path(struct blockdev *overlay, char path[MEM_PATH]);

/*
 * Runs a tool on the overlay, as spawn_run does, in the locale C.UTF-8. The device below needs a
 * descriptor (blockdev_fd_extent). ERR_NOT_FOUND when berth's library is missing, ERR_TOOL when the
 * tool ran without it: what it did then counts for nothing.
 */
int overlay_run(struct blockdev *overlay, const struct spawn *spawn, char **out, struct err *e);

/* The same, for a tool that only sees that part of it. */
int overlay_run_part(struct blockdev *overlay, const struct extent *shown,
                     const struct spawn *spawn, char **out, struct err *e);

/* In the environment of a tool that reads what others wrote: it is in the jail (core/jail.h) before
 * its main(), sees that part and nothing else, and changes nothing. It may not open by itself what
 * it is not shown, and has to print what it finds. */
#define OVERLAY_JAILED OVERLAY_ENV_JAIL "=1"

/* Adds the descriptors by which the device is read, for a process in the jail; any kind of device.
 */
int overlay_keep_fds(struct blockdev *bd, struct jail_fds *fds, struct err *e);

/* Where the library is that tools get, a new string. ERR_NOT_FOUND when it is not installed. */
char *overlay_library(struct err *e);

#endif
