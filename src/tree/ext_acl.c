// SPDX-License-Identifier: GPL-3.0-or-later
/* ext_acl.c: converts POSIX ACLs between getxattr's form and ext4's. Pure. */
#include "tree/ext_acl.h"

#include <stdint.h>
#include <string.h>

#define XATTR_VERSION 2
#define DISK_VERSION  1

enum tag {
    TAG_USER_OBJ = 0x01,
    TAG_USER = 0x02,
    TAG_GROUP_OBJ = 0x04,
    TAG_GROUP = 0x08,
    TAG_MASK = 0x10,
    TAG_OTHER = 0x20,
};

#define TAGS_PLAIN (TAG_USER_OBJ | TAG_GROUP_OBJ | TAG_OTHER)

struct acl_short {
    uint16_t tag, perm;
};

struct acl_long {
    uint16_t tag, perm;
    uint32_t id;
};

static bool has_id(unsigned tag)
{
    return tag == TAG_USER || tag == TAG_GROUP;
}

static bool known(unsigned tag)
{
    return tag != 0 && (tag & (tag - 1)) == 0 && tag <= TAG_OTHER;
}

static int damaged(struct err *e)
{
    return err_set(e, ERR_SYNTAX, "a damaged ACL");
}

/* Entries come in the order of their tags; only users and groups repeat. */
static bool in_order(unsigned before, unsigned tag)
{
    return tag > before || (tag == before && has_id(tag));
}

/* A named user or group needs a mask, and the three plain entries must be there. */
static bool complete(unsigned seen)
{
    bool named = (seen & (TAG_USER | TAG_GROUP)) != 0;

    return (seen & TAGS_PLAIN) == TAGS_PLAIN && (!named || (seen & TAG_MASK) != 0);
}

/* The group digit of a mode shows the mask where there is one; the mask comes after the group. */
static void add_to_mode(const struct acl_long *entry, unsigned *mode)
{
    if (entry->tag == TAG_USER_OBJ)
        *mode |= entry->perm * 0100u;
    else if (entry->tag == TAG_GROUP_OBJ || entry->tag == TAG_MASK)
        *mode = (*mode & ~070u) | entry->perm * 010u;
    else if (entry->tag == TAG_OTHER)
        *mode |= entry->perm;
}

int ext_acl_to_disk(const void *value, size_t len, void *out, size_t *out_len, unsigned *mode,
                    bool *plain, struct err *e)
{
    const unsigned char *from = value;
    unsigned char *to = out;
    uint32_t version = DISK_VERSION, given;
    unsigned before = 0, seen = 0;

    *mode = 0;
    if (len < sizeof(given) || (len - sizeof(given)) % sizeof(struct acl_long) != 0)
        return damaged(e);
    memcpy(&given, from, sizeof(given));
    if (given != XATTR_VERSION)
        return damaged(e);
    memcpy(to, &version, sizeof(version));
    to += sizeof(version);
    for (size_t at = sizeof(given); at < len; at += sizeof(struct acl_long)) {
        struct acl_long entry;
        size_t bytes;

        memcpy(&entry, from + at, sizeof(entry));
        if (!known(entry.tag) || entry.perm > 7 || !in_order(before, entry.tag))
            return damaged(e);
        before = entry.tag;
        seen |= entry.tag;
        add_to_mode(&entry, mode);
        bytes = has_id(entry.tag) ? sizeof(struct acl_long) : sizeof(struct acl_short);
        memcpy(to, &entry, bytes);
        to += bytes;
    }
    *plain = seen == TAGS_PLAIN;
    *out_len = (size_t)(to - (unsigned char *)out);
    return complete(seen) ? 0 : damaged(e);
}

int ext_acl_from_disk(const void *value, size_t len, void *out, size_t *out_len, struct err *e)
{
    const unsigned char *from = value;
    unsigned char *to = out;
    uint32_t version = XATTR_VERSION, given;
    size_t at = sizeof(given);

    if (len < sizeof(given))
        return damaged(e);
    memcpy(&given, from, sizeof(given));
    if (given != DISK_VERSION)
        return damaged(e);
    memcpy(to, &version, sizeof(version));
    to += sizeof(version);
    while (at < len) {
        struct acl_long entry = {.id = UINT32_MAX}; /* an entry that names nobody has this id */
        size_t bytes = sizeof(struct acl_short);

        if (len - at < bytes)
            return damaged(e);
        memcpy(&entry, from + at, bytes);
        if (has_id(entry.tag))
            bytes = sizeof(struct acl_long);
        if (!known(entry.tag) || len - at < bytes)
            return damaged(e);
        memcpy(&entry, from + at, bytes);
        memcpy(to, &entry, sizeof(entry));
        to += sizeof(entry);
        at += bytes;
    }
    *out_len = (size_t)(to - (unsigned char *)out);
    return 0;
}
