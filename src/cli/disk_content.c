// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_content.c: sorts partitions by what they hold. Pure. */
#include "cli/disk_content.h"
#include "partition/type.h"

#include <string.h>

const struct disk_content_look disk_content_looks[N_CONTENTS] = {
#define CONTENT(kind, letter, background, words) {letter, background, words},
#include "cli/disk_content.def"
#undef CONTENT
};

/* By libblkid's names; the first one that the name begins with counts. */
static const struct {
    const char *prefix;
    enum disk_content content;
} filesystems[] = {
    {"ext", CONTENT_LINUX},         {"btrfs", CONTENT_LINUX},       {"xfs", CONTENT_LINUX},
    {"f2fs", CONTENT_LINUX},        {"bcachefs", CONTENT_LINUX},    {"squashfs", CONTENT_LINUX},
    {"erofs", CONTENT_LINUX},       {"swap", CONTENT_SWAP},         {"swsuspend", CONTENT_SWAP},
    {"vfat", CONTENT_FAT},          {"exfat", CONTENT_FAT},         {"ntfs", CONTENT_WINDOWS},
    {"ReFS", CONTENT_WINDOWS},      {"BitLocker", CONTENT_WINDOWS}, {"crypto_", CONTENT_MEMBER},
    {"LVM", CONTENT_MEMBER},        {"bcache", CONTENT_MEMBER},     {"zfs_member", CONTENT_MEMBER},
    {"linux_raid", CONTENT_MEMBER}, {"drbd", CONTENT_MEMBER},       {"ddf_raid", CONTENT_MEMBER},
    {"isw_raid", CONTENT_MEMBER},
};

/* By the partition's type, which counts before the filesystem's name. */
static const struct {
    const char *type;
    enum disk_content content;
} types[] = {
    {"esp", CONTENT_ESP},
    {"bios-boot", CONTENT_BOOT},
};

enum disk_content disk_content_of(const struct survey_partition *p)
{
    if (p->incomplete)
        return CONTENT_INCOMPLETE;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (partition_type_is(&p->type, types[i].type))
            return types[i].content;
    if (p->fs == NULL)
        return CONTENT_UNKNOWN;
    for (size_t i = 0; i < sizeof(filesystems) / sizeof(filesystems[0]); i++)
        if (strncmp(p->fs, filesystems[i].prefix, strlen(filesystems[i].prefix)) == 0)
            return filesystems[i].content;
    return CONTENT_OTHER;
}
