// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * guest_disk.h: the disk that a running guest sees, and the claims behind it: of a system the view
 * in which only its own partitions are real, of a bare kernel a whole image file; with an overlay
 * on top where every change is to be forgotten.
 */
#ifndef BERTH_RUN_GUEST_DISK_H
#define BERTH_RUN_GUEST_DISK_H

#include "block/disk.h"
#include "core/handover.h"
#include "core/jail.h"
#include "hypervisor/storage.h"
#include "intent/guest.h"
#include "run/run.h"

/* Zeroed but for `whole`, which is -1: there is none. Layers, each standing on the one before. */
struct guest_disk {
    struct disk *disk;
    struct blockdev *private_disk, *view, *overlay;
    struct blockdev *top;  /* what the guest gets; NULL: no disk */
    struct blockdev *root; /* the root partition, through top; NULL of a bare kernel */
    int whole;             /* keeps a QEMU from writing to all of a device, or -1 */
    struct jail_fds fds;   /* every descriptor they use */
};

/* Claims it and builds the layers; what a boot before has handed over (guest_disk_hold) goes on.
 * guest: not used for a bare kernel. Errors: those of guest_claim and bare_claim. */
int guest_disk_open(struct guest_disk *gd, const struct run_request *request,
                    const struct guest *guest, struct err *e);
void guest_disk_close(struct guest_disk *gd);

/* The disk below the overlay as ranges of descriptors, STORAGE_RANGES at most. Returns how many. */
int guest_disk_ranges(const struct guest_disk *gd, struct storage_range *ranges, struct err *e);

/* Adds what must not be let go when this process becomes another program: the claims, which hang on
 * the ranges' descriptors, and the files without a name. */
int guest_disk_hold(const struct guest_disk *gd, const struct storage_range *ranges, size_t n,
                    struct handover *held, struct err *e);

#endif
