// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * ext_write_xattr.c: extended attributes behind the inode's fields, and what does not fit there in
 * a block of its own.
 *
 * In both places entries grow from the front and values from the back, and four zero bytes end the
 * entries. In a block the entries are sorted. Source: the kernel's
 * Documentation/filesystems/ext4/attributes.rst.
 */
#include "core/cleanup.h"
#include "core/size.h"
#include "tree/ext_acl.h"
#include "tree/ext_writer.h"

#include <string.h>

#define IN_INODE_OFFSET sizeof(struct ext2_inode_large) /* of the magic number */
#define END_BYTES       4                               /* the zeros behind the last entry */

static const struct {
    const char *prefix;
    uint8_t index;
    bool whole; /* the prefix is the whole name */
} prefixes[] = {
    {"user.", 1, false},
    {"system.posix_acl_access", 2, true},
    {"system.posix_acl_default", 3, true},
    {"trusted.", 4, false},
    {"security.", 6, false},
};

#define INDEX_ACL_ACCESS  2
#define INDEX_ACL_DEFAULT 3

struct attribute {
    uint8_t index;
    const char *name; /* behind the prefix */
    size_t name_len;
    const void *value;
    size_t len;
    void *converted; /* what value points to, when it is ours */
    bool in_inode;
};

/* A place for entries and values. */
struct area {
    unsigned char *base;    /* value offsets count from here */
    size_t entries, values; /* offsets: the end of the entries, the start of the values */
};

static bool split_name(const char *full, struct attribute *attribute)
{
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        size_t len = strlen(prefixes[i].prefix);

        if (strncmp(full, prefixes[i].prefix, len) != 0)
            continue;
        if (prefixes[i].whole != (full[len] == '\0') || strlen(full + len) > 255)
            continue;
        attribute->index = prefixes[i].index;
        attribute->name = full + len;
        attribute->name_len = strlen(full + len);
        return true;
    }
    return false;
}

/* Converts an ACL. One that says no more than the mode is left out, as the kernel does: *keep. */
static int convert_acl(struct attribute *attribute, struct ext_inode *inode, bool *keep,
                       struct err *e)
{
    bool access = attribute->index == INDEX_ACL_ACCESS, plain;
    unsigned mode;

    attribute->converted = malloc(attribute->len + 1);
    if (attribute->converted == NULL)
        return err_no_memory(e);
    if (ext_acl_to_disk(attribute->value, attribute->len, attribute->converted, &attribute->len,
                        &mode, &plain, e) < 0)
        return -1;
    attribute->value = attribute->converted;
    if (!access && inode->dir == NULL)
        return err_set(e, ERR_SYNTAX, "a default ACL on something that is not a folder");
    if (access)
        inode->raw.inode.i_mode = (uint16_t)((inode->raw.inode.i_mode & ~0777u) | mode);
    *keep = !access || !plain;
    return 0;
}

/* A later one of the same name replaces it. */
static bool replaced(const struct tree_entry *entry, size_t i)
{
    for (size_t k = i + 1; k < entry->n_xattrs; k++)
        if (strcmp(entry->xattrs[i].name, entry->xattrs[k].name) == 0)
            return true;
    return false;
}

static int collect(const struct tree_entry *entry, struct ext_inode *inode,
                   struct attribute *attributes, size_t *n, struct err *e)
{
    for (size_t i = 0; i < entry->n_xattrs; i++) {
        const struct tree_xattr *xattr = &entry->xattrs[i];
        struct attribute *attribute = &attributes[*n];
        bool keep = true;

        if (replaced(entry, i))
            continue;
        *attribute = (struct attribute){.value = xattr->value, .len = xattr->len};
        if (!split_name(xattr->name, attribute))
            return err_set(e, ERR_UNSUPPORTED, "ext4 cannot have the xattr %s", xattr->name);
        ++*n; /* from here on, what is converted is freed with it */
        if ((attribute->index == INDEX_ACL_ACCESS || attribute->index == INDEX_ACL_DEFAULT) &&
            convert_acl(attribute, inode, &keep, e) < 0)
            return err_wrap(e, "%s", xattr->name);
        if (!keep) {
            free(attribute->converted);
            --*n;
        }
    }
    return 0;
}

static size_t entry_bytes(const struct attribute *attribute)
{
    return EXT2_EXT_ATTR_LEN(attribute->name_len);
}

static bool area_fits(const struct area *area, const struct attribute *attribute)
{
    size_t bytes = entry_bytes(attribute) + round_up(attribute->len, EXT2_EXT_ATTR_PAD);

    return area->values - area->entries >= bytes + END_BYTES;
}

/* The caller checked that it fits. The value stands before those added earlier. */
static void area_add(struct area *area, const struct attribute *attribute)
{
    struct ext2_ext_attr_entry *entry = (void *)(area->base + area->entries);

    area->values -= round_up(attribute->len, EXT2_EXT_ATTR_PAD);
    memcpy(area->base + area->values, attribute->value, attribute->len);
    entry->e_name_len = (uint8_t)attribute->name_len;
    entry->e_name_index = attribute->index;
    entry->e_value_offs = attribute->len > 0 ? (uint16_t)area->values : 0;
    entry->e_value_size = (uint32_t)attribute->len;
    memcpy(entry + 1, attribute->name, attribute->name_len);
    entry->e_hash = ext2fs_ext_attr_hash_entry(entry, area->base + area->values);
    area->entries += entry_bytes(attribute);
}

/* Puts as many as fit behind the inode's fields; returns how many are left. */
static size_t fill_inode(struct ext_inode *inode, struct attribute *attributes, size_t n)
{
    uint32_t magic = EXT2_EXT_ATTR_MAGIC;
    unsigned char *start = inode->raw.bytes + IN_INODE_OFFSET;
    struct area area = {start + sizeof(magic), 0,
                        EXT_INODE_BYTES - IN_INODE_OFFSET - sizeof(magic)};
    size_t left = n;

    memset(start, 0, EXT_INODE_BYTES - IN_INODE_OFFSET);
    for (size_t i = 0; i < n; i++) {
        if (!area_fits(&area, &attributes[i]))
            continue;
        area_add(&area, &attributes[i]);
        attributes[i].in_inode = true;
        left--;
    }
    if (left < n)
        memcpy(start, &magic, sizeof(magic));
    return left;
}

/* By name space, length of name, name. */
static int compare(const void *a, const void *b)
{
    const struct attribute *x = a, *y = b;

    if (x->index != y->index)
        return x->index < y->index ? -1 : 1;
    if (x->name_len != y->name_len)
        return x->name_len < y->name_len ? -1 : 1;
    return memcmp(x->name, y->name, x->name_len);
}

static int fill_block(unsigned char *block, struct attribute *attributes, size_t n, struct err *e)
{
    struct ext2_ext_attr_header *header = (void *)block;
    struct area area = {block, sizeof(*header), EXT_BLOCK};

    header->h_magic = EXT2_EXT_ATTR_MAGIC;
    header->h_refcount = 1;
    header->h_blocks = 1;
    qsort(attributes, n, sizeof(*attributes), compare);
    for (size_t i = 0; i < n; i++) {
        if (attributes[i].in_inode)
            continue;
        if (!area_fits(&area, &attributes[i]))
            return err_set(e, ERR_UNSUPPORTED,
                           "its xattrs are too large for ext4, which has one block of %d bytes",
                           EXT_BLOCK);
        area_add(&area, &attributes[i]);
    }
    ext2fs_ext_attr_block_rehash(header, (void *)(block + area.entries));
    return 0;
}

static int write_block(struct ext_writer *w, uint32_t ino, struct attribute *attributes, size_t n,
                       struct err *e)
{
    struct ext_inode *inode = ext_inode_get(w, ino);
    _Alignas(8) unsigned char block[EXT_BLOCK] = {0};
    struct ext_map one = {.n = 0};
    uint64_t at;
    int result;

    if (fill_block(block, attributes, n, e) < 0 || ext_space_fill(&w->space, &one, 0, 1, e) < 0)
        return -1;
    at = one.runs[0].physical;
    result = ext_map_add(&inode->meta, one.runs[0], e);
    ext_map_free(&one);
    if (result < 0)
        return -1;
    ext2fs_file_acl_block_set(w->io.fs, (struct ext2_inode *)&inode->raw.inode, at);
    if (ext2fs_ext_attr_block_csum_set(w->io.fs, ino, at, (void *)block) != 0)
        return err_set(e, ERR_FAILED, "the checksum of its xattrs");
    return ext_stream_put(w->stream, at * EXT_BLOCK, block, EXT_BLOCK, e);
}

int ext_xattrs_write(struct ext_writer *w, uint32_t ino, const struct tree_entry *entry,
                     struct err *e)
{
    struct ext_inode *inode = ext_inode_get(w, ino);
    struct attribute *attributes;
    size_t n = 0;
    int result;

    if (entry->n_xattrs == 0)
        return 0;
    attributes = calloc(entry->n_xattrs, sizeof(*attributes));
    if (attributes == NULL)
        return err_no_memory(e);
    result = collect(entry, inode, attributes, &n, e);
    if (result == 0 && fill_inode(inode, attributes, n) > 0)
        result = write_block(w, ino, attributes, n, e);
    for (size_t i = 0; i < n; i++)
        free(attributes[i].converted);
    free(attributes);
    return result;
}
