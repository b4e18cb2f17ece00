// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fat_folder.c: what the folders of a FAT filesystem hold, long names included.
 *
 * A long name counts only when all its pieces stand in order right before their short entry and
 * carry its checksum; otherwise the short name is the name. Names that would not be one
 * component of a path are left out.
 */
#include "core/cleanup.h"
#include "core/utf16.h"
#include "tree/fat_disk.h"
#include "tree/fat_volume.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* Specification, "FAT Long Directory Entries". */
struct long_entry {
    uint8_t order; /* counts down to 1; bit 6 marks the first that comes */
    uint16_t units1[5];
    uint8_t attributes, type, checksum;
    uint16_t units2[6];
    uint16_t cluster; /* always 0 */
    uint16_t units3[2];
} __attribute__((packed));

_Static_assert(sizeof(struct long_entry) == FAT_ENTRY_BYTES, "as the short ones");

#define NAME_IS_E5       0x05
#define ORDER_LAST       0x40
#define UNITS_EACH       13
#define UNITS_MAX        (20 * UNITS_EACH)
#define FOLDER_BYTES_MAX (65536 * 32)

struct long_name {
    uint16_t units[UNITS_MAX];
    unsigned pieces;   /* how many the name has; 0: none is being read */
    unsigned expected; /* the order of the next piece; 0: complete */
    uint8_t checksum;
};

static uint8_t short_checksum(const uint8_t name[11])
{
    uint8_t sum = 0;

    for (int i = 0; i < 11; i++)
        sum = (uint8_t)(((sum & 1) << 7) + (sum >> 1) + name[i]);
    return sum;
}

static void take_piece(struct long_name *l, const struct long_entry *entry)
{
    unsigned order = entry->order & (ORDER_LAST - 1U);
    uint16_t *to;

    if ((entry->order & ORDER_LAST) != 0 && order >= 1 && order <= UNITS_MAX / UNITS_EACH) {
        l->pieces = l->expected = order;
        l->checksum = entry->checksum;
    }
    if (l->pieces == 0 || order == 0 || order != l->expected || entry->checksum != l->checksum) {
        l->pieces = 0;
        return;
    }
    l->expected = order - 1;
    to = l->units + (order - 1) * UNITS_EACH;
    memcpy(to, entry->units1, sizeof(entry->units1));
    memcpy(to + 5, entry->units2, sizeof(entry->units2));
    memcpy(to + 11, entry->units3, sizeof(entry->units3));
}

static void print_long(const struct long_name *l, char name[FAT_NAME_MAX])
{
    unsigned n = l->pieces * UNITS_EACH;

    utf16_to_utf8(l->units, n > 255 ? 255 : n, name);
}

/* Copies n characters without the spaces behind them. Which code page they are in is not known, so
 * that only ASCII is taken as it is. */
static char *put_short(char *to, const uint8_t *from, size_t n, bool lower)
{
    while (n > 0 && from[n - 1] == ' ')
        n--;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = from[i];

        if (c >= 0x80 || c < 0x20)
            c = '_';
        if (lower && c >= 'A' && c <= 'Z')
            c = (uint8_t)(c + 'a' - 'A');
        *to++ = (char)c;
    }
    return to;
}

static void print_short(const struct fat_entry *entry, uint8_t cases, char name[13])
{
    uint8_t raw[11];
    char *to, *dot;

    memcpy(raw, entry->name, sizeof(raw));
    if (raw[0] == NAME_IS_E5)
        raw[0] = FAT_NAME_DELETED;
    to = put_short(name, raw, 8, (cases & 0x08) != 0);
    dot = to;
    *to++ = '.';
    to = put_short(to, raw + 8, 3, (cases & 0x10) != 0);
    if (to == dot + 1)
        to = dot;
    *to = '\0';
}

/* Specification, "Date and Time Formats". */
static int64_t unix_time(unsigned date, unsigned clock)
{
    struct tm tm = {.tm_year = 80 + (int)(date >> 9),
                    .tm_mon = (int)(date >> 5 & 15) - 1,
                    .tm_mday = (int)(date & 31),
                    .tm_hour = (int)(clock >> 11),
                    .tm_min = (int)(clock >> 5 & 63),
                    .tm_sec = (int)(clock & 31) * 2};

    if (tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday == 0)
        return 0;
    return timegm(&tm);
}

static bool is_component(const char *name)
{
    return *name != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

/* Makes the node of a short entry and the long name before it; false: nothing to show. */
static bool make_node(const struct fat_entry *entry, const struct long_name *l,
                      struct fat_node *node)
{
    memset(node, 0, sizeof(*node));
    if ((entry->attributes & FAT_ATTRIBUTE_LABEL) != 0)
        return false;
    print_short(entry, 0, node->short_name);
    if (l->pieces > 0 && l->expected == 0 && l->checksum == short_checksum(entry->name))
        print_long(l, node->name);
    else
        print_short(entry, entry->cases, node->name);
    node->folder = (entry->attributes & FAT_ATTRIBUTE_FOLDER) != 0;
    node->cluster = (uint32_t)le16toh(entry->cluster_high) << 16 | le16toh(entry->cluster_low);
    node->bytes = node->folder ? 0 : le32toh(entry->bytes);
    node->mtime = unix_time(le16toh(entry->date), le16toh(entry->time));
    return is_component(node->name);
}

static int walk_entries(const struct fat_volume *v, const uint8_t *data, size_t len,
                        int (*each)(void *arg, const struct fat_node *node, struct err *e),
                        void *arg, struct err *e)
{
    struct long_name l = {0};

    for (size_t at = 0; at + 32 <= len && data[at] != FAT_NAME_END; at += 32) {
        struct fat_entry entry;
        struct fat_node node;
        int status = 0;

        memcpy(&entry, data + at, sizeof(entry));
        if (entry.name[0] != FAT_NAME_DELETED &&
            (entry.attributes & FAT_ATTRIBUTES) == FAT_ATTRIBUTE_LONG) {
            struct long_entry piece;

            memcpy(&piece, data + at, sizeof(piece));
            take_piece(&l, &piece);
            continue;
        }
        if (entry.name[0] != FAT_NAME_DELETED && make_node(&entry, &l, &node)) {
            if (v->bits != 32) /* the upper half has another meaning there */
                node.cluster &= 0xffff;
            status = each(arg, &node, e);
        }
        l.pieces = 0;
        if (status != 0)
            return status;
    }
    return 0;
}

/* The whole folder in one buffer; it can have no more than 65,536 entries. */
static int read_folder(struct fat_volume *v, const struct fat_node *folder, uint8_t **data,
                       size_t *len, struct err *e)
{
    _cleanup_free_ struct extent *chain = NULL;
    _cleanup_free_ uint8_t *buf = NULL;
    const struct extent *extents = &v->root;
    size_t n = 1, got = 0, bytes = 0;

    if (!folder->root || v->bits == 32) {
        uint32_t first = folder->cluster == 0 ? v->root_cluster : folder->cluster;

        if (fat_volume_chain(v, first, FOLDER_BYTES_MAX, true, &chain, &n, e) < 0)
            return -1;
        extents = chain;
    }
    for (size_t i = 0; i < n; i++)
        bytes += extents[i].bytes;
    buf = malloc(bytes + 1);
    if (buf == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < n; i++) {
        if (blockdev_pread(v->bd, buf + got, extents[i].bytes, extents[i].start, e) < 0)
            return -1;
        got += extents[i].bytes;
    }
    *data = steal(buf);
    *len = bytes;
    return 0;
}

void fat_root(const struct fat_volume *v, struct fat_node *node)
{
    memset(node, 0, sizeof(*node));
    node->folder = node->root = true;
    node->cluster = v->root_cluster;
}

int fat_folder_each(struct fat_volume *v, const struct fat_node *folder,
                    int (*each)(void *arg, const struct fat_node *node, struct err *e), void *arg,
                    struct err *e)
{
    _cleanup_free_ uint8_t *data = NULL;
    size_t len = 0;

    if (read_folder(v, folder, &data, &len, e) < 0)
        return -1;
    return walk_entries(v, data, len, each, arg, e);
}

struct wanted {
    const char *name;
    size_t len;
    struct fat_node *node;
};

static bool same_name(const char *name, const struct wanted *wanted)
{
    return strlen(name) == wanted->len && strncasecmp(name, wanted->name, wanted->len) == 0;
}

static int match(void *arg, const struct fat_node *node, struct err *e)
{
    struct wanted *wanted = arg;

    (void)e;
    if (!same_name(node->name, wanted) && !same_name(node->short_name, wanted))
        return 0;
    *wanted->node = *node;
    return 1;
}

int fat_find(struct fat_volume *v, const char *path, struct fat_node *node, struct err *e)
{
    const char *rest = path;

    fat_root(v, node);
    while (*rest != '\0') {
        size_t len = strcspn(rest, "/");
        struct fat_node folder = *node;
        struct wanted wanted = {rest, len, node};
        int found = folder.folder ? fat_folder_each(v, &folder, match, &wanted, e) : 0;

        if (found < 0)
            return -1;
        if (found == 0)
            return err_set(e, ERR_NOT_FOUND, "%s: %s is not there", v->bd->name, path);
        rest += len;
        if (*rest == '/')
            rest++;
    }
    return 0;
}
