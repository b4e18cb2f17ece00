// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fs_vfat.c: makes FAT filesystems with mkfs.vfat and mtools, in memory, and looks through them
 * with fsck.vfat. Their size is changed by berth itself (fat_resize.c).
 */
#include "fs/fs_vfat.h"
#include "block/overlay.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "core/spawn.h"
#include "fs/fat_resize.h"
#include "fs/fs_tool.h"
#include "tree/fat_disk.h"
#include "tree/fat_volume.h"

#include <ctype.h>
#include <endian.h>
#include <stddef.h>
#include <string.h>

/* Sound bounds away from the exact limits (4085 and 65525), near which drivers disagree. */
#define FAT16_CLUSTERS_MIN  4200
#define FAT16_CLUSTERS_MAX  65000
#define FAT32_CLUSTERS_MIN  66000
#define CLUSTER_BYTES       4096 /* as large as a page, where there is room for enough of them */
#define CLUSTER_SECTORS_MAX 64
#define FAT32_CLUSTERS_MAX  0x0ffffff0
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

/* The smallest FAT16, with clusters of a sector; no FAT12 is made. */
static uint64_t least_bytes(unsigned sector)
{
    return (uint64_t)RESERVED_SECTORS * sector + FAT16_CLUSTERS_MIN * ((uint64_t)sector + 4);
}

int vfat_shape(uint64_t bytes, unsigned sector, struct vfat_shape *shape, struct err *e)
{
    unsigned most = sector < CLUSTER_BYTES ? CLUSTER_BYTES / sector : 1;
    char has[SIZE_TEXT], needs[SIZE_TEXT];

    while (most < CLUSTER_SECTORS_MAX && bytes / sector / most > FAT32_CLUSTERS_MAX)
        most *= 2;
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
    return err_set(e, ERR_NO_SPACE, "%s are too few for vfat, which takes %s or more",
                   size_human(bytes, has, sizeof(has)),
                   size_exact(round_up(least_bytes(sector), 4096), needs, sizeof(needs)));
}

/* The argument list of mkfs.vfat, and room for its words. */
struct mkfs_words {
    char bits[16], sector[16], cluster[16], id[16];
    const char *argv[20];
};

static int mkfs_words(struct mkfs_words *words, const struct blockdev *bd,
                      const struct vfat_options *options, const char *path, struct err *e)
{
    const char *label = options->label != NULL ? options->label : "NO NAME";
    const char *const argv[] = {
        "mkfs.vfat",    "--invariant", "-F",      words->bits, "-S",  words->sector, "-s",
        words->cluster, "-i",          words->id, "-n",        label, path,          NULL};
    struct vfat_shape shape;

    if (vfat_shape(bd->bytes, bd->sector, &shape, e) < 0)
        return -1;
    snprintf(words->bits, sizeof(words->bits), "%u", shape.bits);
    snprintf(words->sector, sizeof(words->sector), "%u", bd->sector);
    snprintf(words->cluster, sizeof(words->cluster), "%u", shape.cluster_sectors);
    snprintf(words->id, sizeof(words->id), "%08x", options->volume_id);
    memcpy(words->argv, argv, sizeof(argv));
    return 0;
}

static int run_mkfs(struct blockdev *bd, const struct vfat_options *options, struct err *e)
{
    struct mkfs_words words;
    char path[MEM_PATH];
    struct spawn spawn = {.argv = words.argv, .stdin_fd = -1, .stdout_fd = -1};

    if (mkfs_words(&words, bd, options, mem_path(bd, path), e) < 0)
        return -1;
    return spawn_run(&spawn, NULL, e);
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

/* ---- the row ---- */

#define LABEL_MAX 11
#define HIDDEN_AT offsetof(struct fat_boot, hidden_sectors)

static bool is_fat32(const struct fat_boot *boot)
{
    return boot->fat_sectors16 == 0;
}

static int read_boot(struct blockdev *bd, struct fat_boot *boot, struct err *e)
{
    unsigned sector;

    if (blockdev_pread(bd, boot, sizeof(*boot), 0, e) < 0)
        return -1;
    sector = le16toh(boot->sector_bytes);
    if (sector < 512 || sector > 4096 || (sector & (sector - 1)) != 0 || boot->cluster_sectors == 0)
        return err_set(e, ERR_REFUSED, "%s: its FAT boot sector makes no sense", bd->name);
    return 0;
}

/* Where a partition starts is in the boot sector and in its copy; boot code reads it. */
static int fat_moved(struct blockdev *bd, uint64_t at, struct err *e)
{
    struct fat_boot boot;
    uint32_t hidden;

    if (read_boot(bd, &boot, e) < 0)
        return -1;
    hidden = htole32((uint32_t)(at / le16toh(boot.sector_bytes)));
    if (is_fat32(&boot) && boot.fat32.backup != 0 &&
        blockdev_pwrite(
            bd, &hidden, sizeof(hidden),
            (uint64_t)le16toh(boot.fat32.backup) * le16toh(boot.sector_bytes) + HIDDEN_AT, e) < 0)
        return -1;
    return blockdev_pwrite(bd, &hidden, sizeof(hidden), HIDDEN_AT, e);
}

static int fat_patch(struct blockdev *stage, const struct fs_options *options, struct err *e)
{
    return fat_moved(stage, options->at, e);
}

/* The label in capital letters, as the specification has it; mkfs.vfat takes ASCII only. */
static int fat_label(const struct fs_options *options, char label[LABEL_MAX + 1], struct err *e)
{
    const char *given;

    if (fs_tool_label(options, "vfat", LABEL_MAX, &given, e) < 0)
        return -1;
    snprintf(label, LABEL_MAX + 1, "%s", given);
    for (char *c = label; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~' || strchr("*?.,;:/\\|+=<>[]\"", *c) != NULL)
            return err_set(e, ERR_USAGE, "the label \"%s\" has characters that a FAT cannot have",
                           given);
        *c = (char)toupper(*c);
    }
    return 0;
}

/* The UUID is the first four bytes of the one given. */
static int fat_make(struct blockdev *bd, const struct fs_options *options, struct err *e)
{
    struct vfat_options vfat = {0};
    struct mkfs_words words;
    char label[LABEL_MAX + 1];

    if (fat_label(options, label, e) < 0)
        return -1;
    vfat.label = *label != '\0' ? label : NULL;
    memcpy(&vfat.volume_id, options->uuid.bytes, sizeof(vfat.volume_id));
    if (mkfs_words(&words, bd, &vfat, fs_tool_device, e) < 0)
        return -1;
    return fs_tool_make(bd, bd->bytes, words.argv, fat_patch, options, e);
}

/* Linux marks the boot sector of what is mounted, Windows the FAT's second entry (specification,
 * "FAT Data Structure": bits that are 0 then). */
static int fat_ready(struct blockdev *bd, struct err *e)
{
    static const uint32_t clean16 = 0xc000, clean32 = 0x0c000000;
    struct fat_volume volume;
    struct fat_boot boot;
    uint32_t mark;
    bool clean;

    if (read_boot(bd, &boot, e) < 0 || fat_volume_open(&volume, bd, e) < 0 ||
        blockdev_pread(bd, &mark, sizeof(mark), volume.fat.start + volume.bits / 8, e) < 0)
        return -1;
    mark = le32toh(mark);
    clean = ((is_fat32(&boot) ? boot.fat32.identity : boot.fat16.identity).state &
             FAT_STATE_DIRTY) == 0;
    if (volume.bits == 16)
        clean = clean && (mark & clean16) == clean16;
    if (volume.bits == 32)
        clean = clean && (mark & clean32) == clean32;
    if (clean)
        return 0;
    err_set(e, ERR_REFUSED, "%s: its FAT was not cleanly unmounted", bd->name);
    return err_hint(e, "let fsck.vfat -a look at it");
}

static int fat_check(struct blockdev *bd, struct err *e)
{
    static const char *const argv[] = {"fsck.vfat", "-n", fs_tool_device, NULL};

    if (fs_tool_must(bd, argv, ERR_VERIFY, NULL, e) == 0)
        return 0;
    return e->code == ERR_VERIFY ? err_hint(e, "fsck.vfat -a mends it") : -1;
}

static int fat_resize_checked(struct blockdev *overlay, uint64_t bytes, struct err *e)
{
    struct fs_bounds bounds;

    if (fat_check(overlay, e) < 0 || fat_bounds(overlay, &bounds, e) < 0 ||
        fs_bounds_allow(overlay, &bounds, bytes, e) < 0)
        return -1;
    if (fat_resize(overlay, bytes, e) < 0 || overlay_cut(overlay, bytes, e) < 0)
        return err_wrap(e, "changing its size");
    return fat_check(overlay, e);
}

static const struct fs_program programs[] = {
    {"mkfs.vfat", FS_ONLY_MAKES}, {"fsck.vfat", "check, shrink, grow"}, {NULL, NULL}};

const struct fs_ops fs_vfat_ops = {
    .name = "vfat",
    .blkid = (const char *const[]){"vfat", NULL},
    .type = "windows",
    .package = "dosfstools",
    .programs = programs,
    .new_uuid = (const char *const[]){"fatlabel --volume-id --reset", NULL},
    .make = fat_make,
    .ready = fat_ready,
    .check = fat_check,
    .bounds = fat_bounds,
    .resize = fat_resize_checked,
    .free_blocks = fat_free_blocks,
    .moved = fat_moved,
};
