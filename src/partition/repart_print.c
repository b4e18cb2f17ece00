// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * repart_print.c: a GPT as a folder of repart.d files that give the same partitions on an empty
 * disk of the same size. Each file fixes the size of its partition and of the gap behind it.
 *
 * Nothing is written before it is known that all of the table can be said so.
 */
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "partition/repart.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define UNIT       4096u               /* sizes and gaps are multiples of it */
#define FLAGS_FROM 48                  /* the first attribute bit that Flags= can set */
#define READ_ONLY  (UINT64_C(1) << 60) /* Discoverable Partitions Specification */
#define GROW_FS    (UINT64_C(1) << 59)

static int by_start(const void *a, const void *b)
{
    const struct table_entry *x = *(const struct table_entry *const *)a,
                             *y = *(const struct table_entry *const *)b;

    return x->range.start < y->range.start ? -1 : x->range.start > y->range.start;
}

/* The entries by start, a new list. */
static const struct table_entry **sorted(const struct table *table, struct err *e)
{
    const struct table_entry **list = calloc(table->n + 1, sizeof(*list));

    if (list == NULL) {
        err_no_memory(e);
        return NULL;
    }
    for (size_t i = 0; i < table->n; i++)
        list[i] = &table->entries[i];
    qsort(list, table->n, sizeof(*list), by_start);
    return list;
}

/* ---- whether repart.d files can say it ---- */

static int check_label(const struct table_entry *entry, struct err *e)
{
    size_t len = strlen(entry->name);

    if (len == 0)
        return 0;
    for (const char *p = entry->name; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20)
            return err_set(e, ERR_UNSUPPORTED, "its name has a control character");
    if (isspace((unsigned char)entry->name[0]) || isspace((unsigned char)entry->name[len - 1]) ||
        entry->name[len - 1] == '\\')
        return err_set(e, ERR_UNSUPPORTED,
                       "its name \"%s\" starts or ends with a blank, or ends with a backslash",
                       entry->name);
    return 0;
}

static int check_entry(const struct table_entry *entry, unsigned number, uint64_t least_start,
                       struct err *e)
{
    if (entry->number != number)
        return err_set(e, ERR_UNSUPPORTED, "in the order of the disk it is partition %u", number);
    if (number == 1 && entry->range.start != least_start)
        return err_set(e, ERR_UNSUPPORTED, "it starts at %llu, the first one always at %llu",
                       (unsigned long long)entry->range.start, (unsigned long long)least_start);
    if (entry->range.start % UNIT != 0 || entry->range.bytes % UNIT != 0)
        return err_set(e, ERR_UNSUPPORTED, "its start or size is no multiple of %u", UNIT);
    if ((entry->attributes & ((UINT64_C(1) << FLAGS_FROM) - 1)) != 0)
        return err_set(e, ERR_UNSUPPORTED, "it has attribute bits below %d", FLAGS_FROM);
    return check_label(entry, e);
}

static int check(const struct table_entry *const *list, size_t n, const struct blockdev *bd,
                 struct err *e)
{
    uint64_t start = round_up(wanted_first_lba(bd) * bd->sector, UNIT);

    for (size_t i = 0; i < n; i++) {
        if (check_entry(list[i], (unsigned)i + 1, start, e) < 0) {
            err_wrap(e, "partition %u cannot be said in repart.d files", list[i]->number);
            return err_hint(e, "an sfdisk script can hold it");
        }
    }
    return 0;
}

/* ---- one file ---- */

static void print_label(FILE *out, const char *label)
{
    fputs("Label=", out);
    for (const char *p = label; *p != '\0'; p++)
        fputs(*p == '%' ? "%%" : (char[]){*p, '\0'}, out);
    fputc('\n', out);
}

/* Some types get flags of their own: verity ones are read-only, those of filesystems grow unless
 * they are read-only. What differs from that is said by keys, the rest by the number. */
static void print_flags(FILE *out, const struct table_entry *entry)
{
    unsigned knows = repart_type_knows(&entry->type);
    bool read_only = (entry->attributes & READ_ONLY) != 0;
    bool grows = (entry->attributes & GROW_FS) != 0;

    if (entry->attributes != 0)
        fprintf(out, "Flags=0x%llx\n", (unsigned long long)entry->attributes);
    if ((knows & REPART_KNOWS_READ_ONLY) != 0 && read_only != repart_type_is_verity(&entry->type))
        fprintf(out, "ReadOnly=%s\n", read_only ? "yes" : "no");
    if ((knows & REPART_KNOWS_GROW_FS) != 0 && grows == read_only)
        fprintf(out, "GrowFileSystem=%s\n", grows ? "yes" : "no");
}

static void print_entry(FILE *out, const struct table_entry *entry, const struct table_entry *next)
{
    const char *type = repart_type_name(&entry->type);
    char guid[GUID_TEXT];

    fprintf(out, "[Partition]\nType=%s\n", type != NULL ? type : guid_print(&entry->type, guid));
    fprintf(out, "UUID=%s\n", guid_print(&entry->uuid, guid));
    print_label(out, entry->name);
    fprintf(out, "SizeMinBytes=%llu\nSizeMaxBytes=%llu\n", (unsigned long long)entry->range.bytes,
            (unsigned long long)entry->range.bytes);
    if (next != NULL) {
        uint64_t gap = next->range.start - extent_end(&entry->range);

        fprintf(out, "PaddingMinBytes=%llu\nPaddingMaxBytes=%llu\n", (unsigned long long)gap,
                (unsigned long long)gap);
    }
    print_flags(out, entry);
}

/* Names sort as the partitions lie. */
static char *file_name(const char *folder, const struct table_entry *entry, size_t n, struct err *e)
{
    const char *type = repart_type_name(&entry->type);
    int digits = n < 10 ? 2 : n < 100 ? 3 : 5;

    return io_format(e, "%s/%0*u-%s.conf", folder, digits, entry->number * 10,
                     type != NULL ? type : "partition");
}

static int write_entry(const char *folder, const struct table_entry *entry,
                       const struct table_entry *next, size_t n, struct err *e)
{
    _cleanup_free_ char *path = file_name(folder, entry, n, e), *text = NULL;
    size_t len;
    FILE *out;

    if (path == NULL)
        return -1;
    out = open_memstream(&text, &len);
    if (out == NULL)
        return err_no_memory(e);
    print_entry(out, entry, next);
    if (fclose(out) != 0)
        return err_no_memory(e);
    return io_replace_file(path, text, len, 0644, e);
}

/* One that is there may be used while it holds no definition, which would count as well. */
static int make_folder(const char *folder, struct err *e)
{
    DIR *dir;
    const struct dirent *entry;
    bool empty = true;

    if (mkdir(folder, 0755) == 0)
        return 0;
    dir = errno == EEXIST ? opendir(folder) : NULL;
    if (dir == NULL)
        return err_errno(e, "%s", folder);
    while ((entry = readdir(dir)) != NULL)
        empty &= *entry->d_name == '.';
    closedir(dir);
    if (empty)
        return 0;
    err_set(e, ERR_REFUSED, "%s exists, and is not empty", folder);
    return err_hint(e, "remove what is in it first, or take another name");
}

int repart_print(const struct table *table, const struct blockdev *bd, const char *folder,
                 struct err *e)
{
    _cleanup_free_ const struct table_entry **list = NULL;

    if (table->kind != TABLE_GPT)
        return err_set(e, ERR_UNSUPPORTED, "%s: repart.d files are for a GPT", bd->name);
    list = sorted(table, e);
    if (list == NULL || check(list, table->n, bd, e) < 0)
        return -1;
    if (make_folder(folder, e) < 0)
        return -1;
    for (size_t i = 0; i < table->n; i++)
        if (write_entry(folder, list[i], i + 1 < table->n ? list[i + 1] : NULL, table->n, e) < 0)
            return -1;
    return 0;
}
