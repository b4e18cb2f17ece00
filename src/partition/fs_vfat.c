// SPDX-License-Identifier: GPL-3.0-or-later
/* fs_vfat.c: makes FAT filesystems with mkfs.vfat and mtools, in memory. */
#include "partition/fs_vfat.h"
#include "core/cleanup.h"
#include "core/spawn.h"

#include <string.h>

/* Sound bounds away from the exact limits (4085 and 65525), near which drivers disagree. */
#define FAT16_CLUSTERS_MIN  4200
#define FAT16_CLUSTERS_MAX  65000
#define FAT32_CLUSTERS_MIN  66000
#define CLUSTER_BYTES       4096 /* as large as a page, where there is room for enough of them */
#define CLUSTER_SECTORS_MAX 64
#define RESERVED_SECTORS    32 /* what mkfs.vfat sets aside on FAT32; less on FAT16 */

struct vfat_stage {
    struct blockdev *bd; /* in memory */
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

static int run_mkfs(struct blockdev *bd, const struct vfat_options *options, struct err *e)
{
    struct vfat_shape shape;
    char bits[16], sector_bytes[16], cluster[16], id[16], path[MEM_PATH];

    if (vfat_shape(bd->bytes, bd->sector, &shape, e) < 0)
        return -1;
    snprintf(bits, sizeof(bits), "%u", shape.bits);
    snprintf(sector_bytes, sizeof(sector_bytes), "%u", bd->sector);
    snprintf(cluster, sizeof(cluster), "%u", shape.cluster_sectors);
    snprintf(id, sizeof(id), "%08x", options->volume_id);
    return spawn_tool(NULL, e, "mkfs.vfat", "--invariant", "-F", bits, "-S", sector_bytes, "-s",
                      cluster, "-i", id, "-n", options->label != NULL ? options->label : "NO NAME",
                      mem_path(bd, path), NULL);
}

struct vfat_stage *vfat_stage_new(uint64_t bytes, unsigned sector,
                                  const struct vfat_options *options, struct err *e)
{
    _cleanup_vfat_stage_ struct vfat_stage *stage = calloc(1, sizeof(*stage));

    if (stage == NULL) {
        err_no_memory(e);
        return NULL;
    }
    stage->bd = mem_open(bytes, sector, e);
    if (stage->bd == NULL || run_mkfs(stage->bd, options, e) < 0)
        return NULL;
    return steal(stage);
}

void vfat_stage_free(struct vfat_stage *stage)
{
    if (stage == NULL)
        return;
    blockdev_close(stage->bd);
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
    char image[MEM_PATH], to[512];
    const char *argv[] = {tool, "-i", mem_path(stage->bd, image), from, to, NULL};
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
    _cleanup_blockdev_ struct blockdev *content = mem_open(len, 512, e);
    char from[MEM_PATH];

    if (content == NULL || blockdev_pwrite(content, data, len, 0, e) < 0)
        return -1;
    return vfat_stage_copy(stage, mem_path(content, from), path, e);
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
