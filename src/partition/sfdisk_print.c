// SPDX-License-Identifier: GPL-3.0-or-later
/* sfdisk_print.c: a table as `sfdisk --dump` prints it, byte for byte (util-linux 2.38). */
#include "core/cleanup.h"
#include "core/size.h"
#include "partition/sfdisk.h"

#include <ctype.h>
#include <string.h>

static char *guid_upper(const struct guid *guid, char text[GUID_TEXT])
{
    guid_print(guid, text);
    for (char *p = text; *p != '\0'; p++)
        *p = (char)toupper((unsigned char)*p);
    return text;
}

static void print_headers(FILE *out, const struct table *table, const struct blockdev *bd,
                          const char *path)
{
    const uint8_t *id = table->uuid.bytes;
    struct sfdisk_disk disk;
    char text[GUID_TEXT];

    if (table->kind == TABLE_GPT)
        fprintf(out, "label: gpt\nlabel-id: %s\n", guid_upper(&table->uuid, text));
    else
        fprintf(out, "label: dos\nlabel-id: 0x%02x%02x%02x%02x\n", id[3], id[2], id[1], id[0]);
    fprintf(out, "device: %s\nunit: sectors\n", path);
    if (table->kind == TABLE_GPT) {
        fprintf(out, "first-lba: %llu\nlast-lba: %llu\n",
                (unsigned long long)(table->usable.start / bd->sector),
                (unsigned long long)(table->last_usable / bd->sector - 1));
        if (table->slots != TABLE_SLOTS)
            fprintf(out, "table-length: %u\n", table->slots);
    }
    sfdisk_disk_of(bd, 0, &disk);
    if (disk.grain * bd->sector != MIB)
        fprintf(out, "grain: %llu\n", (unsigned long long)(disk.grain * bd->sector));
    fprintf(out, "sector-size: %u\n", bd->sector);
}

/* What a shell or sfdisk would take for something else is written "\x22". */
static void print_name(FILE *out, const char *name)
{
    fputs(", name=\"", out);
    for (const char *p = name; *p != '\0'; p++) {
        if (strchr("\"\\`$", *p) != NULL || (unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
            fprintf(out, "\\x%02x", (unsigned char)*p);
        else
            fputc(*p, out);
    }
    fputc('"', out);
}

static void print_attributes(FILE *out, uint64_t attributes)
{
    static const char *const names[] = {"RequiredPartition", "NoBlockIOProtocol",
                                        "LegacyBIOSBootable"};
    const char *separator = "", *prefix = "GUID:";

    fputs(", attrs=\"", out);
    for (unsigned bit = 0; bit < 64; bit++) {
        if (!(attributes >> bit & 1))
            continue;
        if (bit < 3) {
            fprintf(out, "%s%s", separator, names[bit]);
            separator = " ";
        } else {
            fprintf(out, "%s%s%u", separator, prefix, bit);
            separator = ",";
            prefix = "";
        }
    }
    fputc('"', out);
}

/* A partition's node: "/dev/sda1", "/dev/nvme0n1p1". */
static void print_node(FILE *out, const char *path, unsigned number)
{
    size_t len = strlen(path);
    bool digit = len > 0 && isdigit((unsigned char)path[len - 1]);

    fprintf(out, "%s%s%u :", path, digit ? "p" : "", number);
}

static void print_range(FILE *out, const struct extent *range, unsigned sector)
{
    fprintf(out, " start=%12llu, size=%12llu", (unsigned long long)(range->start / sector),
            (unsigned long long)(range->bytes / sector));
}

static int print_gpt_entry(FILE *out, const struct table_entry *entry, unsigned sector,
                           struct err *e)
{
    char type[GUID_TEXT], uuid[GUID_TEXT];

    if ((entry->attributes & ~(UINT64_C(0xffff) << 48) & ~UINT64_C(7)) != 0)
        return err_set(
            e, ERR_UNSUPPORTED,
            "partition %u has attribute bits that an sfdisk script cannot say (0x%016llx)",
            entry->number, (unsigned long long)entry->attributes);
    print_range(out, &entry->range, sector);
    fprintf(out, ", type=%s, uuid=%s", guid_upper(&entry->type, type),
            guid_upper(&entry->uuid, uuid));
    if (entry->name[0] != '\0')
        print_name(out, entry->name);
    if (entry->attributes != 0)
        print_attributes(out, entry->attributes);
    fputc('\n', out);
    return 0;
}

static void print_mbr_entry(FILE *out, const struct table_entry *entry, unsigned sector)
{
    print_range(out, &entry->range, sector);
    fprintf(out, ", type=%x%s\n", entry->code,
            entry->attributes & TABLE_ACTIVE ? ", bootable" : "");
}

static void print_extended(FILE *out, const struct table *table, const char *path, unsigned sector)
{
    print_node(out, path, table->extended.number);
    print_range(out, &table->extended.range, sector);
    fprintf(out, ", type=%x\n", table->extended.code);
}

static int print_entries(FILE *out, const struct table *table, const struct blockdev *bd,
                         const char *path, struct err *e)
{
    bool extended = table->kind == TABLE_MBR && table->extended.range.bytes > 0;

    if (table->n > 0 || extended)
        fputc('\n', out);
    for (size_t i = 0; i < table->n; i++) {
        const struct table_entry *entry = &table->entries[i];

        if (extended && table->extended.number < entry->number) {
            print_extended(out, table, path, bd->sector);
            extended = false;
        }
        print_node(out, path, entry->number);
        if (table->kind == TABLE_MBR)
            print_mbr_entry(out, entry, bd->sector);
        else if (print_gpt_entry(out, entry, bd->sector, e) < 0)
            return -1;
    }
    if (extended)
        print_extended(out, table, path, bd->sector);
    return 0;
}

char *sfdisk_print(const struct table *table, const struct blockdev *bd, const char *path,
                   struct err *e)
{
    _cleanup_free_ char *text = NULL;
    size_t len;
    FILE *out;
    int rc;

    if (table->kind == TABLE_NONE) {
        err_set(e, ERR_NOT_FOUND, "%s has no partition table", path);
        return NULL;
    }
    out = open_memstream(&text, &len);
    if (out == NULL) {
        err_no_memory(e);
        return NULL;
    }
    print_headers(out, table, bd, path);
    rc = print_entries(out, table, bd, path, e);
    if (fclose(out) != 0 && rc == 0)
        rc = err_no_memory(e);
    return rc < 0 ? NULL : steal(text);
}
