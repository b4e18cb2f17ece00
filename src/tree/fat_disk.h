// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fat_disk.h: the structures of a FAT filesystem as they lie on the disk, little-endian.
 *
 * Source: Microsoft Extensible Firmware Initiative FAT32 File System Specification 1.03.
 */
#ifndef BERTH_TREE_FAT_DISK_H
#define BERTH_TREE_FAT_DISK_H

#include <stdint.h>

/* What FAT12 and FAT16 have at the end of the parameters, and FAT32 further on. */
struct fat_identity {
    uint8_t drive, state;
    uint8_t signature;
    uint32_t id;
    char label[11], type[8];
} __attribute__((packed));

#define FAT_STATE_DIRTY 0x01U

/* Specification, "Boot Sector and BPB". */
struct fat_boot {
    uint8_t jump[3];
    char oem[8];
    uint16_t sector_bytes;
    uint8_t cluster_sectors;
    uint16_t reserved_sectors;
    uint8_t fats;
    uint16_t root_entries;
    uint16_t sectors16;
    uint8_t media;
    uint16_t fat_sectors16; /* 0: FAT32 */
    uint16_t track_sectors, heads;
    uint32_t hidden_sectors;
    uint32_t sectors32;
    union {
        struct {
            struct fat_identity identity;
            uint8_t code[448];
        } __attribute__((packed)) fat16; /* and FAT12 */
        struct {
            uint32_t fat_sectors;
            uint16_t flags; /* bit 7 no mirroring, bits 0 to 3 the FAT that counts then */
            uint16_t version;
            uint32_t root_cluster;
            uint16_t info;   /* the sector of struct fat_info */
            uint16_t backup; /* the sector of the boot sector's copy, 0: none */
            uint8_t unused[12];
            struct fat_identity identity;
            uint8_t code[420];
        } __attribute__((packed)) fat32;
    };
    uint8_t signature[2];
} __attribute__((packed));

_Static_assert(sizeof(struct fat_boot) == 512, "the boot sector's fields are at fixed places");

/* Specification, "FAT32 FSInfo Sector Structure". */
struct fat_info {
    uint32_t signature1;
    uint8_t unused1[480];
    uint32_t signature2;
    uint32_t free_clusters, next_free; /* hints */
    uint8_t unused2[12];
    uint32_t signature3;
} __attribute__((packed));

#define FAT_INFO_SIGNATURE1 0x41615252U
#define FAT_INFO_SIGNATURE2 0x61417272U
#define FAT_INFO_SIGNATURE3 0xaa550000U

_Static_assert(sizeof(struct fat_info) == 512, "the FSInfo sector's fields are at fixed places");

/* Specification, "FAT Directory Structure". */
struct fat_entry {
    uint8_t name[11];
    uint8_t attributes;
    uint8_t cases; /* Windows NT's: 0x08 the name, 0x10 the extension is in lower case */
    uint8_t created_tenths;
    uint16_t created_time, created_date, accessed_date;
    uint16_t cluster_high; /* of FAT32 */
    uint16_t time, date;
    uint16_t cluster_low;
    uint32_t bytes;
} __attribute__((packed));

#define FAT_ENTRY_BYTES      32
#define FAT_NAME_END         0x00 /* in name[0]: here the folder ends */
#define FAT_NAME_DELETED     0xe5
#define FAT_ATTRIBUTE_LABEL  0x08
#define FAT_ATTRIBUTE_FOLDER 0x10
#define FAT_ATTRIBUTE_LONG   0x0f /* of a piece of a long name */
#define FAT_ATTRIBUTES       0x3f

_Static_assert(sizeof(struct fat_entry) == FAT_ENTRY_BYTES, "a folder's entries have 32 bytes");

#define FAT12_CLUSTERS  4085 /* from here on it is FAT16 */
#define FAT16_CLUSTERS  65525
#define FAT32_CLUSTERS  0x0ffffff5U
#define FAT32_MASK      0x0fffffffU
#define FAT_CLUSTER_BAD 0x0ffffff7U /* these two with as many bits as an entry has */
#define FAT_CLUSTER_END 0x0fffffffU

#endif
