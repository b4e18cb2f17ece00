// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * repart_identity.c: GUIDs and labels of new partitions, as systemd-repart 252 makes them: a GUID
 * is the HMAC-SHA256 of the partition's type, and of its place among those of its type from the
 * second on, keyed with the seed (systemd-repart(8), --seed=).
 */
#include "core/cleanup.h"
#include "core/io.h"
#include "partition/repart.h"

#include <nettle/hmac.h>
#include <string.h>

#define ID_BYTES 16

/* A GUID's bytes in the order in which its text names them; its own inverse. */
static void swap_order(const uint8_t from[ID_BYTES], uint8_t to[ID_BYTES])
{
    static const uint8_t order[ID_BYTES] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

    for (unsigned i = 0; i < ID_BYTES; i++)
        to[i] = from[order[i]];
}

/* The first half of the HMAC, marked as version 4 (RFC 9562 section 5.4). */
static void derive(const struct guid *seed, const void *text, size_t n, struct guid *guid)
{
    uint8_t key[ID_BYTES], digest[SHA256_DIGEST_SIZE];
    struct hmac_sha256_ctx context;

    swap_order(seed->bytes, key);
    hmac_sha256_set_key(&context, sizeof(key), key);
    hmac_sha256_update(&context, n, text);
    hmac_sha256_digest(&context, sizeof(digest), digest);
    digest[6] = (uint8_t)((digest[6] & 0x0f) | 0x40);
    digest[8] = (uint8_t)((digest[8] & 0x3f) | 0x80);
    swap_order(digest, guid->bytes);
}

void repart_disk_guid(const struct guid *seed, struct guid *guid)
{
    static const char purpose[] = "disk-uuid";

    derive(seed, purpose, strlen(purpose), guid);
}

/* How many partitions of its type come before it. */
static uint64_t place_in_type(const struct repart_set *set, const struct repart_partition *p)
{
    uint64_t before = 0;

    for (const struct repart_partition *q = set->partitions; q < p; q++)
        if (guid_equal(&q->type, &p->type))
            before++;
    return before;
}

static bool guid_is_used(const struct repart_set *set, const struct repart_partition *p)
{
    for (size_t i = 0; i < set->n; i++) {
        const struct repart_partition *q = &set->partitions[i];

        if (q != p && (guid_equal(&q->uuid, &p->uuid) ||
                       (q->there != NULL && guid_equal(&q->there->uuid, &p->uuid))))
            return true;
    }
    return false;
}

static int make_guid(const struct repart_set *set, const struct guid *seed,
                     struct repart_partition *p, struct err *e)
{
    uint64_t before = place_in_type(set, p);
    uint8_t text[ID_BYTES + 8];

    swap_order(p->type.bytes, text);
    for (unsigned i = 0; i < 8; i++)
        text[ID_BYTES + i] = (uint8_t)(before >> (8 * i));
    derive(seed, text, before == 0 ? ID_BYTES : sizeof(text), &p->uuid);
    return guid_is_used(set, p) ? guid_new(&p->uuid, e) : 0;
}

static bool label_is_used(const struct repart_set *set, const struct repart_partition *p,
                          const char *label)
{
    for (const struct repart_partition *q = set->partitions; q < p; q++) {
        if (q->there != NULL && q->there->name[0] != '\0' && strcmp(q->there->name, label) == 0)
            return true;
        if (q->label != NULL && strcmp(q->label, label) == 0)
            return true;
    }
    return false;
}

/* The type's name, and from the second on "-2". */
static int make_label(const struct repart_set *set, struct repart_partition *p, struct err *e)
{
    const char *type = repart_type_name(&p->type);

    type = type == NULL ? "linux" : type;
    p->label = strdup(type);
    for (unsigned i = 2; p->label != NULL && label_is_used(set, p, p->label); i++) {
        free(p->label);
        p->label = io_format(e, "%s-%u", type, i);
    }
    return p->label == NULL ? err_no_memory(e) : 0;
}

static int keep_label(struct repart_partition *p, struct err *e)
{
    free(p->label);
    p->label = strdup(p->there->name);
    return p->label == NULL ? err_no_memory(e) : 0;
}

/* What is on the disk stays; an empty GUID or label there is filled. */
static int fill_one(struct repart_set *set, const struct guid *seed, struct repart_partition *p,
                    struct err *e)
{
    if (p->there != NULL && (p->file == NULL || !guid_is_zero(&p->there->uuid)))
        p->uuid = p->there->uuid;
    else if (!p->uuid_given && make_guid(set, seed, p, e) < 0)
        return -1;
    if (p->there != NULL && (p->file == NULL || p->there->name[0] != '\0'))
        return keep_label(p, e);
    return p->label == NULL ? make_label(set, p, e) : 0;
}

int repart_identity_fill(struct repart_set *set, const struct guid *seed, struct err *e)
{
    for (size_t i = 0; i < set->n; i++)
        if (fill_one(set, seed, &set->partitions[i], e) < 0)
            return -1;
    return 0;
}
