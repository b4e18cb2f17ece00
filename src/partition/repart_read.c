// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * repart_read.c: a folder of repart.d files as the wanted table.
 *
 * Files are read in the order of their names, each followed by the drop-ins in NAME.conf.d. A
 * partition of the disk belongs to the first file of its type that has none yet. Empty files
 * and links to /dev/null stand for nothing.
 */
#include "core/cleanup.h"
#include "core/io.h"
#include "core/shell.h"
#include "partition/repart.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MOST  ((size_t)1 << 20)
#define GRAIN      4096u               /* new partitions are aligned to it, or to a sector */
#define READ_ONLY  (UINT64_C(1) << 60) /* Discoverable Partitions Specification */
#define GROW_FS    (UINT64_C(1) << 59)
#define NO_AUTO    (UINT64_C(1) << 63)
#define VFAT_LABEL 11 /* characters */

/* ---- the files ---- */

static int is_conf(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".conf") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

struct names {
    struct dirent **list;
    int n;
};

static void names_clear(struct names *names)
{
    for (int i = 0; i < names->n; i++)
        free(names->list[i]);
    free(names->list);
}

#define _cleanup_names_ __attribute__((cleanup(names_clear)))

/* The *.conf of a folder, sorted. A folder of drop-ins need not be there. */
static int list_conf(const char *folder, bool needed, struct names *names, struct err *e)
{
    int n = scandir(folder, &names->list, is_conf, by_bytes);

    if (n < 0 && !needed && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (n < 0)
        return err_errno(e, "%s", folder);
    names->n = n;
    return 0;
}

/* False for what stands for nothing. */
static bool is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
}

static int read_into(struct repart_partition *partition, const char *path, struct err *e)
{
    _cleanup_free_ char *text = NULL;
    size_t len;

    if (io_read_file(path, FILE_MOST, &text, &len, e) < 0)
        return -1;
    if (strlen(text) != len)
        return err_set(e, ERR_SYNTAX, "%s: has a NUL byte", path);
    return repart_file_parse(text, path, partition, e);
}

static int read_drop_ins(struct repart_partition *partition, const char *path, struct err *e)
{
    _cleanup_names_ struct names names = {0};
    _cleanup_free_ char *folder = io_format(e, "%s.d", path);

    if (folder == NULL || list_conf(folder, false, &names, e) < 0)
        return -1;
    for (int i = 0; i < names.n; i++) {
        _cleanup_free_ char *file = io_format(e, "%s/%s", folder, names.list[i]->d_name);

        if (file == NULL || (is_file(file) && read_into(partition, file, e) < 0))
            return -1;
    }
    return 0;
}

static int read_definition(struct repart_set *set, const char *path, struct err *e)
{
    struct repart_partition *partition;

    if (!is_file(path))
        return 0;
    partition = repart_set_add(set, e);
    if (partition == NULL)
        return -1;
    partition->file = strdup(path);
    if (partition->file == NULL)
        return err_no_memory(e);
    if (read_into(partition, path, e) < 0 || read_drop_ins(partition, path, e) < 0)
        return -1;
    return repart_key_finish(partition, path, e);
}

static int read_folder(struct repart_set *set, const char *folder, struct err *e)
{
    _cleanup_names_ struct names names = {0};

    if (list_conf(folder, true, &names, e) < 0)
        return -1;
    for (int i = 0; i < names.n; i++) {
        _cleanup_free_ char *path = io_format(e, "%s/%s", folder, names.list[i]->d_name);

        if (path == NULL || read_definition(set, path, e) < 0)
            return -1;
    }
    if (set->n > 0)
        return 0;
    err_set(e, ERR_SYNTAX, "%s has no *.conf that says anything", folder);
    return err_hint(e,
                    "repart.d(5) says what goes into one; `berth disk export DISK %s --format "
                    "repart` writes those of a disk",
                    shell_quote(folder).text);
}

/* ---- the disk ---- */

/* The file that means it, or a new one that no file means. */
static struct repart_partition *match(struct repart_set *set, const struct table_entry *entry,
                                      struct err *e)
{
    struct repart_partition *foreign;

    for (size_t i = 0; i < set->n; i++)
        if (set->partitions[i].there == NULL && guid_equal(&set->partitions[i].type, &entry->type))
            return &set->partitions[i];
    foreign = repart_set_add(set, e);
    if (foreign != NULL)
        foreign->type = entry->type;
    return foreign;
}

static int add_existing(struct repart_set *set, const struct table *table, struct err *e)
{
    for (size_t i = 0; i < table->n; i++) {
        const struct table_entry *entry = &table->entries[i];
        struct repart_partition *partition = match(set, entry, e);

        if (partition == NULL)
            return -1;
        partition->there = entry;
        partition->number = entry->number;
        partition->start = entry->range.start;
        partition->size_there = entry->range.bytes;
        if (extent_end(&entry->range) > extent_end(&table->usable))
            return err_set(e, ERR_REFUSED, "partition %u ends behind the usable range",
                           entry->number);
    }
    return 0;
}

/* ---- the wanted table ---- */

static uint64_t with_flag(uint64_t attributes, uint64_t bit, enum repart_flag flag, bool known)
{
    if (!known || flag == REPART_FLAG_DEFAULT)
        return attributes;
    return flag == REPART_FLAG_ON ? attributes | bit : attributes & ~bit;
}

/* A type that does not know a flag does not get it. */
static uint64_t attributes_of(const struct repart_partition *p)
{
    unsigned knows = repart_type_knows(&p->type);
    uint64_t attributes = p->flags;

    attributes = with_flag(attributes, NO_AUTO, p->no_auto, (knows & REPART_KNOWS_NO_AUTO) != 0);
    attributes =
        with_flag(attributes, READ_ONLY, p->read_only, (knows & REPART_KNOWS_READ_ONLY) != 0);
    return with_flag(attributes, GROW_FS, p->grow_fs, (knows & REPART_KNOWS_GROW_FS) != 0);
}

static int add_new(struct wanted *wanted, const struct repart_partition *p, struct err *e)
{
    struct table_entry entry = {
        .number = p->number,
        .range = {p->start, p->size},
        .type = p->type,
        .uuid = p->uuid,
        .attributes = attributes_of(p),
    };
    struct wanted_format format = {.number = p->number};

    if (wanted_set_name(&entry, p->label, e) < 0 || table_insert(wanted->table, &entry, e) < 0)
        return -1;
    if (p->format == NULL)
        return 0;
    snprintf(format.fs, sizeof(format.fs), "%s", p->format);
    if (strlen(p->label) <= VFAT_LABEL)
        snprintf(format.label, sizeof(format.label), "%s", p->label);
    return wanted_add_format(wanted, &format, e);
}

static int change_existing(struct wanted *wanted, const struct repart_partition *p, struct err *e)
{
    struct table_entry *entry = table_entry_by_number(wanted->table, p->number);

    entry->range.bytes = p->size;
    entry->uuid = p->uuid;
    return wanted_set_name(entry, p->label, e);
}

/* Whether a partition is new or grows. */
static bool changes(const struct repart_set *set)
{
    for (size_t i = 0; i < set->n; i++) {
        const struct repart_partition *p = &set->partitions[i];

        if (!p->dropped && (p->there == NULL || p->size != p->size_there))
            return true;
    }
    return false;
}

/* systemd-repart leaves a disk alone on which nothing is new or grows, so labels and GUIDs that are
 * empty stay so. */
static int fill_wanted(struct wanted *wanted, const struct repart_set *set, struct err *e)
{
    if (!changes(set))
        return 0;
    for (size_t i = 0; i < set->n; i++) {
        const struct repart_partition *p = &set->partitions[i];

        if (p->dropped || (p->there != NULL && p->file == NULL))
            continue;
        if ((p->there == NULL ? add_new(wanted, p, e) : change_existing(wanted, p, e)) < 0)
            return -1;
    }
    return 0;
}

/* The disk's own GPT, or an empty one with the GUID that the seed gives. */
static struct table *start_table(const struct table *there, const struct guid *seed,
                                 struct blockdev *bd, struct err *e)
{
    struct guid guid;

    if (there->kind == TABLE_GPT)
        return table_copy(there, e);
    if (there->kind == TABLE_MBR) {
        err_set(e, ERR_UNSUPPORTED, "%s has an MBR; repart.d files are for a GPT", bd->name);
        err_hint(e, "convert the table first");
        return NULL;
    }
    repart_disk_guid(seed, &guid);
    return wanted_new_gpt(bd, &guid, TABLE_SLOTS, e);
}

static int make_wanted(struct repart_set *set, const struct guid *seed, struct blockdev *bd,
                       const struct table *there, struct wanted *wanted, struct err *e)
{
    uint64_t grain = bd->sector > GRAIN ? bd->sector : GRAIN;

    wanted->table = start_table(there, seed, bd, e);
    if (wanted->table == NULL)
        return -1;
    if (add_existing(set, there, e) < 0 || repart_place(set, wanted->table->usable, grain, e) < 0 ||
        repart_identity_fill(set, seed, e) < 0 || fill_wanted(wanted, set, e) < 0)
        return -1;
    wanted->notes = set->notes;
    set->notes = (struct strings){0};
    return table_validate(wanted->table, bd, e);
}

int repart_read(const char *folder, const struct guid *seed, struct blockdev *bd,
                const struct table *there, struct wanted *wanted, struct err *e)
{
    _cleanup_repart_set_ struct repart_set set = {0};

    *wanted = (struct wanted){0};
    if (read_folder(&set, folder, e) < 0)
        return -1;
    if (make_wanted(&set, seed, bd, there, wanted, e) < 0) {
        wanted_clear(wanted);
        return err_wrap(e, "%s", folder);
    }
    return 0;
}
