// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * description.h: what the monitor is told, once: a sealed memory file with one struct description,
 * on descriptor DESCRIPTION_FD. Beside it there are only the descriptors it names.
 *
 * Who writes it is not more privileged than the monitor, but may have been misled: it is checked as
 * if a stranger had written it.
 */
#ifndef BERTH_HYPERVISOR_DESCRIPTION_H
#define BERTH_HYPERVISOR_DESCRIPTION_H

#include "hypervisor/boot.h"
#include "hypervisor/storage.h"

#define DESCRIPTION_FD    3
#define DESCRIPTION_MAGIC 0x334d5648544552ULL /* "RETHVM3": changes with the struct */
#define DESCRIPTION_NAME  64

enum description_net { DESCRIPTION_NET_NONE, DESCRIPTION_NET_STREAM, DESCRIPTION_NET_TAP };

/* Descriptors: -1 is none. Sizes: bytes. */
struct description {
    uint64_t magic;
    char name[DESCRIPTION_NAME]; /* of the guest, for messages */
    uint64_t memory;             /* a whole number of MiB, 64 MiB to 1 TiB */
    uint32_t cpus;               /* 1 to CPUS_MAX */

    int32_t kvm;             /* /dev/kvm, open */
    int32_t kernel, payload; /* boot.h */
    int32_t initrd;          /* kernel, payload and this are closed once the machine is made */
    int32_t serial;          /* the serial line */
    int32_t console;         /* the virtio console */
    int32_t control;         /* control.h */
    int32_t state; /* a file that the machine is saved to, and with `restore` comes from; or -1 */
    int32_t net;   /* as net_kind says */
    uint32_t net_kind;
    uint8_t mac[6];
    uint8_t rng;       /* 1: the guest gets a device of randomness */
    uint8_t restore;   /* 1: it goes on where it was saved, and kernel and initrd are not used */
    uint8_t read_only; /* 1: nothing is written to the disk */
    uint8_t reserved[3];

    uint64_t disk_bytes; /* 0: no disk */
    uint32_t sector;     /* 512 or 4096 */
    int32_t overlay;     /* a file for what is written; or -1: writes go to the ranges */
    int32_t overlay_map; /* says what is in that file (core/overlay_store.h) */
    uint32_t n_ranges;
    struct storage_range ranges[STORAGE_RANGES]; /* in order, without a gap, disk_bytes in all */

    uint8_t seed[BOOT_SEED_BYTES];
    uint8_t place[BOOT_PLACE_BYTES];
    uint8_t generation[16]; /* the machine's generation id */
    char command_line[BOOT_COMMAND_LINE_BYTES];
};

/* Reads it and checks every field. ERR_USAGE names the field that is wrong. */
int description_read(int fd, struct description *description, struct err *e);

/* The check alone. */
int description_check(const struct description *description, struct err *e);

#endif
