// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * repart_key.c: the keys of a repart.d file (repart.d(5) of systemd 252). One row a key.
 *
 * systemd-repart passes over values that it cannot read; berth refuses them. What it would fill
 * partitions with is refused too: berth formats, it does not copy.
 */
#include "core/cleanup.h"
#include "core/size.h"
#include "partition/repart.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define SIZE_UNIT   4096    /* sizes are rounded to it */
#define WEIGHT_MOST 1000000 /* as systemd-repart allows */

typedef int key_fn(struct repart_partition *partition, const char *value, size_t offset,
                   struct err *e);

static void *field(struct repart_partition *partition, size_t offset)
{
    return (char *)partition + offset;
}

static int set_type(struct repart_partition *partition, const char *value, size_t offset,
                    struct err *e)
{
    (void)offset;
    return repart_type_parse(value, &partition->type, e);
}

/* A label may hold specifiers; "%%" is the only one that does not depend on the machine. */
static int set_label(struct repart_partition *partition, const char *value, size_t offset,
                     struct err *e)
{
    struct table_entry scratch = {0};
    char *label = strdup(value), *to = label;

    (void)offset;
    if (label == NULL)
        return err_no_memory(e);
    free(partition->label);
    partition->label = label;
    for (const char *p = value; *p != '\0'; p++) {
        if (*p == '%' && *++p != '%')
            return err_set(e, ERR_UNSUPPORTED, "the specifier \"%%%c\" is not supported", *p);
        *to++ = *p;
    }
    *to = '\0';
    return wanted_set_name(&scratch, label, e);
}

static int set_uuid(struct repart_partition *partition, const char *value, size_t offset,
                    struct err *e)
{
    (void)offset;
    partition->uuid = (struct guid){0};
    partition->uuid_given = *value != '\0';
    if (*value == '\0' || strcmp(value, "null") == 0)
        return 0;
    return repart_guid_parse(value, &partition->uuid) == 0
               ? 0
               : err_set(e, ERR_SYNTAX, "found \"%s\", expected a GUID", value);
}

static int set_priority(struct repart_partition *partition, const char *value, size_t offset,
                        struct err *e)
{
    char *end;
    long number;

    (void)offset;
    errno = 0;
    number = strtol(value, &end, 0);
    if (end == value || *end != '\0' || errno != 0 || number < INT32_MIN || number > INT32_MAX)
        return err_set(e, ERR_SYNTAX, "found \"%s\", expected a number of 32 bits", value);
    partition->priority = (int32_t)number;
    return 0;
}

/* In C's notation, and in binary: 0b101. */
static int parse_unsigned(const char *value, uint64_t most, uint64_t *number, struct err *e)
{
    bool binary = strncmp(value, "0b", 2) == 0 && (value[2] == '0' || value[2] == '1');
    char *end;

    errno = 0;
    *number = strtoull(binary ? value + 2 : value, &end, binary ? 2 : 0);
    if (!isdigit((unsigned char)*value) || *end != '\0' || errno != 0 || *number > most)
        return err_set(e, ERR_SYNTAX, "found \"%s\", expected a number from 0 to %llu", value,
                       (unsigned long long)most);
    return 0;
}

static int set_weight(struct repart_partition *partition, const char *value, size_t offset,
                      struct err *e)
{
    uint64_t number;

    if (parse_unsigned(value, WEIGHT_MOST, &number, e) < 0)
        return -1;
    *(uint32_t *)field(partition, offset) = (uint32_t)number;
    return 0;
}

/* "10M", "1.5G", "1G 512M": binary suffixes, from the large to the small. */
static int parse_size(const char *value, uint64_t *bytes, struct err *e)
{
    static const char suffixes[] = "EPTGMKB";
    size_t from = 0;

    *bytes = 0;
    for (const char *p = value; *p != '\0';) {
        size_t digits = strspn(p, "0123456789."), skip;
        char part[64];
        uint64_t amount = 0;
        const char *suffix;

        skip = digits + strspn(p + digits, " \t");
        suffix = p[skip] == '\0' ? NULL : memchr(suffixes + from, p[skip], 7 - from);
        if (digits == 0 || digits > 40 || (p[skip] != '\0' && suffix == NULL))
            return err_set(e, ERR_SYNTAX, "found \"%s\", expected a size such as 512M", value);
        snprintf(part, sizeof(part), "%.*s%c", (int)digits, p, suffix == NULL ? 'B' : *suffix);
        if (strspn(part, "0.B") != strlen(part) && size_parse_bytes(part, &amount, e) < 0)
            return -1;
        if (__builtin_add_overflow(*bytes, amount, bytes) || *bytes > INT64_MAX)
            return err_set(e, ERR_SYNTAX, "the size \"%s\" is too large", value);
        from = suffix == NULL ? 7 : (size_t)(suffix - suffixes) + 1;
        p += skip + (suffix == NULL ? 0 : 1);
        p += strspn(p, " \t");
    }
    return *value == '\0' ? err_set(e, ERR_SYNTAX, "found nothing, expected a size such as 512M")
                          : 0;
}

/* A minimum is rounded down, a maximum up: so say systemd-repart's rules. */
static int set_least(struct repart_partition *partition, const char *value, size_t offset,
                     struct err *e)
{
    uint64_t bytes;

    if (parse_size(value, &bytes, e) < 0)
        return -1;
    *(uint64_t *)field(partition, offset) = round_down(bytes, SIZE_UNIT);
    return 0;
}

static int set_most(struct repart_partition *partition, const char *value, size_t offset,
                    struct err *e)
{
    uint64_t bytes;

    if (parse_size(value, &bytes, e) < 0)
        return -1;
    *(uint64_t *)field(partition, offset) = round_up(bytes, SIZE_UNIT);
    return 0;
}

/* A name of fs/fs.def, so that what is wanted can be made. */
static int set_format(struct repart_partition *partition, const char *value, size_t offset,
                      struct err *e)
{
    static const char *const known[] = {"ext4", "vfat", "swap", "btrfs", "xfs", "ext2", "ext3"};

    (void)offset;
    free(partition->format);
    partition->format = NULL;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i], value) != 0)
            continue;
        partition->format = strdup(value);
        return partition->format == NULL ? err_no_memory(e) : 0;
    }
    return err_set(e, ERR_UNSUPPORTED,
                   "berth cannot make \"%s\", it makes ext4, vfat, swap, btrfs and xfs", value);
}

/* libfdisk, and with it systemd-repart, loses every attribute of a partition that asks for one of
 * the bits below 48. */
static int set_flags(struct repart_partition *partition, const char *value, size_t offset,
                     struct err *e)
{
    (void)offset;
    if (parse_unsigned(value, UINT64_MAX, &partition->flags, e) < 0)
        return -1;
    if ((partition->flags & ((UINT64_C(1) << 48) - 1)) != 0)
        return err_set(e, ERR_UNSUPPORTED, "found \"%s\", expected bits 48 to 63 only", value);
    return 0;
}

static int parse_bool(const char *value, bool *is, struct err *e)
{
    static const char *const words[] = {"1", "0", "yes",  "no",    "y",  "n",
                                        "t", "f", "true", "false", "on", "off"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(words[i], value) == 0) {
            *is = i % 2 == 0;
            return 0;
        }
    }
    return err_set(e, ERR_SYNTAX, "found \"%s\", expected yes or no", value);
}

static int set_flag(struct repart_partition *partition, const char *value, size_t offset,
                    struct err *e)
{
    bool is = false;

    if (*value != '\0' && parse_bool(value, &is, e) < 0)
        return -1;
    *(enum repart_flag *)field(partition, offset) = *value == '\0' ? REPART_FLAG_DEFAULT
                                                    : is           ? REPART_FLAG_ON
                                                                   : REPART_FLAG_OFF;
    return 0;
}

/* A factory reset is asked for on systemd-repart's command line; without that the key says nothing.
 */
static int check_bool(struct repart_partition *partition, const char *value, size_t offset,
                      struct err *e)
{
    bool is;

    (void)partition;
    (void)offset;
    return parse_bool(value, &is, e);
}

/* Allowed only where the value says that it is not used. */
static int refuse_used(struct repart_partition *partition, const char *value, size_t offset,
                       struct err *e)
{
    (void)partition;
    (void)offset;
    if (*value == '\0' || strcmp(value, "off") == 0)
        return 0;
    return err_set(e, ERR_UNSUPPORTED, "is not supported by berth");
}

static const struct {
    const char *key;
    key_fn *set;
    size_t offset;
} keys[] = {
    {"Type", set_type, 0},
    {"Label", set_label, 0},
    {"UUID", set_uuid, 0},
    {"Priority", set_priority, 0},
    {"Weight", set_weight, offsetof(struct repart_partition, weight)},
    {"PaddingWeight", set_weight, offsetof(struct repart_partition, padding_weight)},
    {"SizeMinBytes", set_least, offsetof(struct repart_partition, size_min)},
    {"SizeMaxBytes", set_most, offsetof(struct repart_partition, size_max)},
    {"PaddingMinBytes", set_least, offsetof(struct repart_partition, padding_min)},
    {"PaddingMaxBytes", set_most, offsetof(struct repart_partition, padding_max)},
    {"FactoryReset", check_bool, 0},
    {"Format", set_format, 0},
    {"Flags", set_flags, 0},
    {"ReadOnly", set_flag, offsetof(struct repart_partition, read_only)},
    {"NoAuto", set_flag, offsetof(struct repart_partition, no_auto)},
    {"GrowFileSystem", set_flag, offsetof(struct repart_partition, grow_fs)},
    {"CopyBlocks", refuse_used, 0},
    {"CopyFiles", refuse_used, 0},
    {"MakeDirectories", refuse_used, 0},
    {"Encrypt", refuse_used, 0},
    {"Verity", refuse_used, 0},
    {"VerityMatchKey", refuse_used, 0},
    {"SplitName", refuse_used, 0},
    /* of later systemds */
    {"Minimize", refuse_used, 0},
    {"MountPoint", refuse_used, 0},
    {"EncryptedVolume", refuse_used, 0},
    {"ExcludeFiles", refuse_used, 0},
    {"ExcludeFilesTarget", refuse_used, 0},
    {"Subvolumes", refuse_used, 0},
    {"DefaultSubvolume", refuse_used, 0},
    {"Compression", refuse_used, 0},
    {"CompressionLevel", refuse_used, 0},
    {"MakeSymlinks", refuse_used, 0},
    {"SupplementFor", refuse_used, 0},
    {"VerityDataBlockSizeBytes", refuse_used, 0},
    {"VerityHashBlockSizeBytes", refuse_used, 0},
};

int repart_key_set(struct repart_partition *partition, const char *key, const char *value,
                   struct err *e)
{
    if (strncmp(key, "X-", 2) == 0)
        return 0;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strcmp(keys[i].key, key) != 0)
            continue;
        if (keys[i].set(partition, value, keys[i].offset, e) < 0)
            return err_wrap(e, "%s=", key);
        return 0;
    }
    return err_set(e, ERR_SYNTAX, "there is no key \"%s\" in repart.d", key);
}

/* What is called `what` may be between these two. */
static int check_limits(const char *name, const char *what, uint64_t least, uint64_t most,
                        struct err *e)
{
    char min[SIZE_TEXT], max[SIZE_TEXT];

    if (least == REPART_UNSET || most == REPART_UNSET || least <= most)
        return 0;
    return err_set(e, ERR_SYNTAX, "%s: %sMinBytes=%s is larger than %sMaxBytes=%s", name, what,
                   size_exact(least, min, sizeof(min)), what, size_exact(most, max, sizeof(max)));
}

int repart_key_finish(struct repart_partition *partition, const char *name, struct err *e)
{
    unsigned knows = repart_type_knows(&partition->type);

    if (guid_is_zero(&partition->type))
        return err_set(e, ERR_SYNTAX, "%s: Type= is missing", name);
    if (check_limits(name, "Size", partition->size_min, partition->size_max, e) < 0 ||
        check_limits(name, "Padding", partition->padding_min, partition->padding_max, e) < 0)
        return -1;
    if (repart_type_is_verity(&partition->type) && partition->read_only == REPART_FLAG_DEFAULT)
        partition->read_only = REPART_FLAG_ON;
    /* systemd 252 does so even where GrowFileSystem= says no, against its own manual; berth does
     * not, or a partition without the bit could not be written down. */
    if ((knows & REPART_KNOWS_GROW_FS) != 0 && partition->read_only != REPART_FLAG_ON &&
        partition->grow_fs == REPART_FLAG_DEFAULT)
        partition->grow_fs = REPART_FLAG_ON;
    return 0;
}
