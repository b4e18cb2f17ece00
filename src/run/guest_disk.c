// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * guest_disk.c: layers.
 *
 * Between guest_claim and disk_close every byte outside the guest's partitions is out of reach
 * three times over: the view sends it elsewhere, the disk refuses writes that are not claimed, and
 * who serves the guest has no other descriptor.
 */
#include "run/guest_disk.h"
#include "block/overlay.h"
#include "core/cleanup.h"
#include "core/folders.h"
#include "run/private_disk.h"
#include "run/view.h"

/* Names of what is handed over. */
#define PRIVATE_DISK "private"
#define OVERLAY      "overlay"
#define OVERLAY_MAP  "overlay-map"
#define WHOLE        "whole"

void guest_disk_close(struct guest_disk *gd)
{
    blockdev_close(gd->root);
    blockdev_close(gd->overlay);
    blockdev_close(gd->view);
    blockdev_close(gd->private_disk);
    disk_close(gd->disk);
    cleanup_close(&gd->whole);
}

/* The one of the boot before, or a new one. */
static struct blockdev *open_private_disk(const struct run_request *request,
                                          const struct guest *guest, const char *folder,
                                          struct err *e)
{
    int fd = handover_copy(PRIVATE_DISK);

    if (fd >= 0)
        return file_forgotten(fd, "the private disk", request->survey->sector, e);
    return private_disk_make(request->survey, guest->own, guest->n_own, folder, e);
}

static struct blockdev *open_overlay(struct blockdev *below, const char *folder, struct err *e)
{
    int file = handover_copy(OVERLAY), map = handover_copy(OVERLAY_MAP);

    return file >= 0 ? overlay_adopt(below, file, map, e) : overlay_open(below, folder, e);
}

/* The top: `below`, or what keeps changes away from it. */
static int cover(struct guest_disk *gd, struct blockdev *below, const struct run_request *request,
                 const char *folder, struct err *e)
{
    gd->top = below;
    if (request->ephemeral)
        gd->top = gd->overlay = open_overlay(below, folder, e);
    return gd->top == NULL ? -1 : 0;
}

static int build_view(struct guest_disk *gd, const struct run_request *request,
                      const struct guest *guest, const char *folder, struct err *e)
{
    struct extent own[GUEST_PARTITIONS_MAX];

    for (size_t i = 0; i < guest->n_own; i++)
        own[i] = guest->own[i]->range;
    gd->private_disk = open_private_disk(request, guest, folder, e);
    if (gd->private_disk == NULL)
        return -1;
    gd->view = view_open(disk_blockdev(gd->disk), gd->private_disk, own, guest->n_own, e);
    if (gd->view == NULL || cover(gd, gd->view, request, folder, e) < 0)
        return -1;
    gd->root = slice_open(gd->top, own[0], e);
    return gd->root == NULL ? -1 : 0;
}

/* A QEMU that shows all of the disk is no user of the partition that a claim could see. */
static int keep_whole(struct guest_disk *gd, struct err *e)
{
    gd->whole = handover_copy(WHOLE);
    return gd->whole >= 0 ? 0 : disk_keep_qemu_out(gd->disk, &gd->whole, e);
}

static int open_system(struct guest_disk *gd, const struct run_request *request,
                       const struct guest *guest, const char *folder, struct err *e)
{
    const struct survey *survey = request->survey;
    unsigned number;

    gd->disk = request->reach == RUN_PARTITION
                   ? disk_open_partition(survey->path, &number, e)
                   : disk_open(survey->path, request->reach == RUN_DISK, survey->sector, e);
    if (gd->disk == NULL || guest_claim(guest, survey, gd->disk, e) < 0 || keep_whole(gd, e) < 0)
        return -1;
    return build_view(gd, request, guest, folder, e);
}

static int open_bare(struct guest_disk *gd, const struct run_request *request, const char *folder,
                     struct err *e)
{
    struct bare bare = *request->bare;

    if (bare.disk == NULL)
        return 0;
    bare.read_only |= request->ephemeral;
    gd->disk = bare_claim(&bare, e);
    return gd->disk == NULL ? -1 : cover(gd, disk_blockdev(gd->disk), request, folder, e);
}

int guest_disk_open(struct guest_disk *gd, const struct run_request *request,
                    const struct guest *guest, struct err *e)
{
    _cleanup_free_ char *folder = state_folder(e);
    struct jail_fds before;

    gd->whole = -1;
    if (folder == NULL || jail_list_fds(&before, e) < 0 ||
        (request->bare != NULL ? open_bare(gd, request, folder, e)
                               : open_system(gd, request, guest, folder, e)) < 0)
        return -1;
    return jail_fds_since(&before, &gd->fds, e);
}

int guest_disk_ranges(const struct guest_disk *gd, struct storage_range *ranges, struct err *e)
{
    if (gd->view != NULL)
        return view_ranges(gd->view, ranges, e);
    return gd->disk != NULL ? bare_ranges(gd->disk, ranges, e) : 0;
}

int guest_disk_hold(const struct guest_disk *gd, const struct storage_range *ranges, size_t n,
                    struct handover *held, struct err *e)
{
    const struct extent start = {0, 1};
    int file, map;
    uint64_t at;

    if (gd->private_disk != NULL &&
        (blockdev_fd_extent(gd->private_disk, start, &file, &at, e) < 0 ||
         handover_add(held, PRIVATE_DISK, file, e) < 0))
        return -1;
    if (gd->whole >= 0 && handover_add(held, WHOLE, gd->whole, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (handover_add(held, "", ranges[i].fd, e) < 0)
            return -1;
    if (gd->overlay == NULL)
        return 0;
    overlay_files(gd->overlay, &file, &map);
    return handover_add(held, OVERLAY, file, e) < 0 ? -1 : handover_add(held, OVERLAY_MAP, map, e);
}
