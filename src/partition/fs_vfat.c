// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fs_vfat.c: makes FAT filesystems with mkfs.vfat and mtools, in memory.
 *
 * The tools get the stage as /proc/self/fd/N: it has no name that anybody else could open, and
 * is gone with the last descriptor.
 */
#include "partition/fs_vfat.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/spawn.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#define PATH_OF_FD 40

/* Sound bounds away from the exact limits (4085 and 65525), near which drivers disagree. */
#define FAT16_CLUSTERS_MIN  4200
#define FAT16_CLUSTERS_MAX  65000
#define FAT32_CLUSTERS_MIN  66000
#define CLUSTER_BYTES       4096 /* as large as a page, where there is room for enough of them */
#define CLUSTER_SECTORS_MAX 64
#define RESERVED_SECTORS    32 /* what mkfs.vfat sets aside on FAT32; less on FAT16 */

struct vfat_stage {
    int fd; /* inherited by the tools */
    struct blockdev *bd;
};

/* Clusters beside the two FATs; entry is the bytes of one of their entries. */
static uint64_t clusters_of(uint64_t bytes, unsigned sector, unsigned cluster_sectors,
                            unsigned entry)
{
    uint64_t reserved = (uint64_t)RESERVED_SECTORS * sector;

    if (bytes <= reserved)
        return 0;
    return (bytes - reserved) / ((uint64_t)sector * cluster_sectors + 2 * entry);
}

int vfat_shape(uint64_t bytes, unsigned sector, struct vfat_shape *shape, struct err *e)
{
    unsigned most = sector < CLUSTER_BYTES ? CLUSTER_BYTES / sector : 1;

    for (unsigned n = most; n > 0; n /= 2)
        if (clusters_of(bytes, sector, n, 4) >= FAT32_CLUSTERS_MIN) {
            *shape = (struct vfat_shape){32, n};
            return 0;
        }
    for (unsigned n = 1; n <= CLUSTER_SECTORS_MAX; n *= 2) {
        uint64_t clusters = clusters_of(bytes, sector, n, 2);

        if (clusters >= FAT16_CLUSTERS_MIN && clusters <= FAT16_CLUSTERS_MAX) {
            *shape = (struct vfat_shape){16, n};
            return 0;
        }
    }
    return err_set(e, ERR_NO_SPACE, "%llu bytes are too small for a FAT filesystem",
                   (unsigned long long)bytes);
}

static char *fd_path(int fd, char path[PATH_OF_FD])
{
    snprintf(path, PATH_OF_FD, "/proc/self/fd/%d", fd);
    return path;
}

/* Anonymous memory that a tool inherits, hence without close-on-exec. */
static int memory(uint64_t bytes, struct err *e)
{
    _cleanup_close_ int fd = memfd_create("berth-stage", 0);

    if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0)
        return err_errno(e, "%llu bytes of memory", (unsigned long long)bytes);
    return steal_fd(&fd);
}

static int run_mkfs(int fd, uint64_t bytes, unsigned sector, const struct vfat_options *options,
                    struct err *e)
{
    struct vfat_shape shape;
    char bits[16], sector_bytes[16], cluster[16], id[16], path[PATH_OF_FD];

    if (vfat_shape(bytes, sector, &shape, e) < 0)
        return -1;
    snprintf(bits, sizeof(bits), "%u", shape.bits);
    snprintf(sector_bytes, sizeof(sector_bytes), "%u", sector);
    snprintf(cluster, sizeof(cluster), "%u", shape.cluster_sectors);
    snprintf(id, sizeof(id), "%08x", options->volume_id);
    return spawn_tool(NULL, e, "mkfs.vfat", "--invariant", "-F", bits, "-S", sector_bytes, "-s",
                      cluster, "-i", id, "-n", options->label != NULL ? options->label : "NO NAME",
                      fd_path(fd, path), NULL);
}

struct vfat_stage *vfat_stage_new(uint64_t bytes, unsigned sector,
                                  const struct vfat_options *options, struct err *e)
{
    _cleanup_vfat_stage_ struct vfat_stage *stage = calloc(1, sizeof(*stage));
    int copy;

    if (stage == NULL) {
        err_no_memory(e);
        return NULL;
    }
    stage->fd = memory(bytes, e);
    if (stage->fd < 0 || run_mkfs(stage->fd, bytes, sector, options, e) < 0)
        return NULL;
    copy = fcntl(stage->fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) {
        err_errno(e, "the new FAT filesystem");
        return NULL;
    }
    stage->bd = file_from_fd(copy, "the new FAT filesystem", sector, e);
    return stage->bd != NULL ? steal(stage) : NULL;
}

void vfat_stage_free(struct vfat_stage *stage)
{
    if (stage == NULL)
        return;
    blockdev_close(stage->bd);
    cleanup_close(&stage->fd);
    free(stage);
}

void vfat_stage_cleanup(struct vfat_stage **stage)
{
    vfat_stage_free(*stage);
}

/* Runs an mtool on the stage. Its check of track geometry means nothing on a partition of today. */
static int run_mtool(struct vfat_stage *stage, const char *tool, const char *from, const char *path,
                     struct err *e)
{
    static const char *const env[] = {"MTOOLS_SKIP_CHECK=1", "MTOOLSRC=/dev/null", "TZ=UTC0", NULL};
    char image[PATH_OF_FD], to[512];
    const char *argv[] = {tool, "-i", fd_path(stage->fd, image), from, to, NULL};
    struct spawn spawn = {.argv = argv, .env = env, .stdin_fd = -1, .stdout_fd = -1};

    snprintf(to, sizeof(to), "::/%s", path);
    if (from == NULL) {
        argv[3] = to;
        argv[4] = NULL;
    }
    return spawn_run(&spawn, NULL, e);
}

int vfat_stage_folder(struct vfat_stage *stage, const char *path, struct err *e)
{
    return run_mtool(stage, "mmd", NULL, path, e);
}

int vfat_stage_copy(struct vfat_stage *stage, const char *from, const char *path, struct err *e)
{
    return run_mtool(stage, "mcopy", from, path, e);
}

int vfat_stage_put(struct vfat_stage *stage, const void *data, size_t len, const char *path,
                   struct err *e)
{
    _cleanup_close_ int fd = memory(len, e);
    char from[PATH_OF_FD];

    if (fd < 0 || io_pwrite(fd, data, len, 0, e) < 0)
        return -1;
    return vfat_stage_copy(stage, fd_path(fd, from), path, e);
}

int vfat_stage_write(struct vfat_stage *stage, struct blockdev *to, struct err *e)
{
    if (blockdev_zero(to, 0, to->bytes, e) < 0 || blockdev_copy_data(stage->bd, to, e) < 0)
        return -1;
    return blockdev_flush(to, e);
}

int vfat_make(struct blockdev *partition, const struct vfat_options *options, struct err *e)
{
    _cleanup_vfat_stage_ struct vfat_stage *stage =
        vfat_stage_new(partition->bytes, partition->sector, options, e);

    return stage != NULL ? vfat_stage_write(stage, partition, e) : -1;
}
