// SPDX-License-Identifier: GPL-3.0-or-later
/* fs_luks_header.c: what a LUKS2 header says without a key (LUKS2 On-Disk Format 1.1.1, sections 2
 * and 3). */
#include "core/cleanup.h"
#include "core/digest.h"
#include "core/size.h"
#include "fs/fs_luks.h"

#include <endian.h>
#include <jansson.h>
#include <string.h>

#define HEADER_MOST (4 * MIB)
#define BLOCK       4096 /* what of the encrypted bytes is looked at */

struct header {
    char magic[6];
    uint16_t version;
    uint64_t bytes; /* with the JSON area, which begins behind this block */
    uint8_t unused[4080];
} __attribute__((packed));

_Static_assert(sizeof(struct header) == 4096, "the JSON area begins behind 4096 bytes");

static int unsupported(const struct blockdev *bd, const char *why, struct err *e)
{
    return err_set(e, ERR_UNSUPPORTED, "%s: %s cannot be resized with what is in it", bd->name,
                   why);
}

static json_t *read_json(struct blockdev *bd, struct err *e)
{
    struct header header;
    _cleanup_free_ char *text = NULL;
    json_t *json = NULL;
    uint64_t bytes;

    if (bd->bytes < sizeof(header)) {
        err_set(e, ERR_VERIFY, "%s is too small for a LUKS container", bd->name);
        return NULL;
    }
    if (blockdev_pread(bd, &header, sizeof(header), 0, e) < 0)
        return NULL;
    bytes = be64toh(header.bytes);
    if (memcmp(header.magic, "LUKS\xba\xbe", 6) != 0 || be16toh(header.version) != 2 ||
        bytes <= sizeof(header) || bytes > HEADER_MOST || bytes > bd->bytes) {
        unsupported(bd, "what is no LUKS2", e);
        return NULL;
    }
    bytes -= sizeof(header);
    text = calloc(1, bytes + 1);
    if (text == NULL)
        err_no_memory(e);
    else if (blockdev_pread(bd, text, bytes, sizeof(header), e) == 0 &&
             (json = json_loads(text, 0, NULL)) == NULL)
        err_set(e, ERR_VERIFY, "%s: its LUKS2 header is damaged", bd->name);
    return json;
}

/* Requirements that stand there from its beginning to its end, and only as long. */
int fs_luks_settled(struct blockdev *bd, struct err *e)
{
    struct err ignored;
    json_t *json = read_json(bd, &ignored), *name; /* a LUKS1 has none */
    json_t *config = json_object_get(json, "config");
    json_t *list = json_object_get(json_object_get(config, "requirements"), "mandatory");
    bool under_way = json_object_size(json_object_get(json, "segments")) > 1;
    size_t i;

    json_array_foreach(list, i, name) under_way |=
        json_is_string(name) && strstr(json_string_value(name), "reencrypt") != NULL;
    json_decref(json);
    if (!under_way)
        return 0;
    err_set(e, ERR_REFUSED, "%s: its LUKS2 is being encrypted anew", bd->name);
    return err_hint(e, "cryptsetup reencrypt --resume-only completes that");
}

static int read_segment(const struct blockdev *bd, const json_t *json, uint64_t *offset,
                        struct err *e)
{
    json_t *segments = json_object_get(json, "segments");
    json_t *segment = json_object_get(segments, "0");
    const char *type, *start, *size;
    char *end;

    if (json_object_size(segments) != 1 || segment == NULL)
        return unsupported(bd, "a LUKS2 that is being encrypted anew", e);
    type = json_string_value(json_object_get(segment, "type"));
    start = json_string_value(json_object_get(segment, "offset"));
    size = json_string_value(json_object_get(segment, "size"));
    if (type == NULL || strcmp(type, "crypt") != 0 || json_object_get(segment, "integrity") != NULL)
        return unsupported(bd, "a LUKS2 with checksums of its own", e);
    if (size == NULL || strcmp(size, "dynamic") != 0)
        return unsupported(bd, "a LUKS2 that does not go up to its partition's end", e);
    *offset = start != NULL ? strtoull(start, &end, 10) : 0;
    if (*offset == 0 || *end != '\0' || *offset % 4096 != 0 || *offset >= bd->bytes)
        return err_set(e, ERR_VERIFY, "%s: its LUKS2 header is damaged", bd->name);
    return 0;
}

int fs_luks_data(struct blockdev *bd, uint64_t *offset, struct err *e)
{
    json_t *json = read_json(bd, e);
    int result;

    if (json == NULL)
        return -1;
    result = read_segment(bd, json, offset, e);
    json_decref(json);
    return result;
}

int fs_luks_written(struct blockdev *bd, uint64_t *number, struct err *e)
{
    unsigned char block[BLOCK], digest[DIGEST_BYTES];
    uint64_t data;

    if (fs_luks_data(bd, &data, e) < 0 || blockdev_pread(bd, block, sizeof(block), data, e) < 0)
        return -1;
    digest_of(block, sizeof(block), digest);
    memcpy(number, digest, sizeof(*number));
    *number >>= 1;
    return 0;
}
