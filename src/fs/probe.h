// SPDX-License-Identifier: GPL-3.0-or-later
/* probe.h: what is in a range of a disk: the filesystem, every signature, or at least some data. */
#ifndef BERTH_FS_PROBE_H
#define BERTH_FS_PROBE_H

#include "block/blockdev.h"
#include "core/digest.h"

struct probe {
    char *fs, *version, *uuid, *label; /* new strings, or NULL where there is nothing to say */
    char *device_uuid; /* the same: of what spans disks, the UUID of this part of it */
    bool ambivalent;   /* several signatures contradict each other; fs is NULL */
    char *problem;     /* it could not be found out: why, and it counts as ambivalent; or NULL */
};

/* Probes the range. That nothing is found does not mean that the range is empty: it may have a copy
 * of the superblock of a filesystem that begins elsewhere. */
int probe_range(struct blockdev *bd, struct extent range, struct probe *probe, struct err *e);

/* The same of n ranges, in one child: probes has n of them, each to be cleared. */
int probe_ranges(struct blockdev *bd, const struct extent *ranges, size_t n, struct probe *probes,
                 struct err *e);

void probe_clear(struct probe *probe);

/* True for the name of a part of something larger ("LVM2_member", "crypto_LUKS", "bcache"): it
 * holds data though nothing can be mounted from it as it is. */
bool probe_is_member(const char *name);

enum probe_usage { PROBE_FILESYSTEM, PROBE_RAID, PROBE_CRYPTO, PROBE_TABLE, PROBE_OTHER };

/* The bytes by which a program recognises something. */
struct probe_signature {
    char name[40]; /* as libblkid calls it: "ext4", "LVM2_member", "gpt" */
    enum probe_usage usage;
    uint64_t offset; /* of the magic bytes, from the start of the range */
    size_t bytes;    /* how many there are */
};

const char *probe_usage_name(enum probe_usage usage); /* "filesystem" */

/* Finds every signature in the range, by offset: backups of tables and RAIDs at the end, all labels
 * of ZFS, the copies of a btrfs, and those whose checksum is wrong too. *list is new. */
int probe_signatures(struct blockdev *bd, struct extent range, struct probe_signature **list,
                     size_t *n, struct err *e);

/* Overwrites exactly the magic bytes of the signatures with zeros and flushes. Backups go first: a
 * power cut leaves what is recognised as before, or not at all. */
int probe_wipe(struct blockdev *bd, struct extent range, const struct probe_signature *list,
               size_t n, struct err *e);

/* 1 when the range holds anything but zeros and what berth's own log left, 0 when nothing was seen.
 * All of a file is looked through; of a large range of a device its ends and samples only: then
 * *sampled (may be NULL) says that a 0 is not certain. */
int probe_has_data(struct blockdev *bd, struct extent range, bool *sampled, struct err *e);

/* The same; *where is the first byte that was seen. */
int probe_find_data(struct blockdev *bd, struct extent range, uint64_t *where, bool *sampled,
                    struct err *e);

#define PROBE_DIGEST_WHOLE (UINT64_C(64) << 20) /* of up to so much all goes into the digest */

/* "sha256:<hex>" of what the range holds and where on the disk: of all of it up to that size, else
 * of its ends and of samples, as of a device above. Zeros count as holes do. */
int probe_digest(struct blockdev *bd, struct extent range, char text[DIGEST_TEXT], struct err *e);

#endif
