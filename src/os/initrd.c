// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * initrd.c: reads "newc" headers from a source, which is the initrd's own bytes or what libarchive
 * unpacks from there on. Nothing is kept but one entry.
 *
 * Every length is bounded before it is used: a path by INITRD_PATH_MAX, a content that is kept by
 * CONTENT_MAX, all content by UNPACKED_MAX. A source cannot be read beyond its end.
 */
#include "os/initrd.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "tree/libarchive.h"

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#define HEADER       110 /* bytes: a magic of 6, then 13 numbers of 8 hexadecimal digits */
#define MODE_AT      14
#define SIZE_AT      54
#define NAME_AT      94
#define ALIGN        4
#define CONTENT_MAX  (16 * MIB)
#define UNPACKED_MAX (2 * GIB)
#define ENTRIES_MAX  500000
#define END          "TRAILER!!!"

struct source {
    const uint8_t *bytes; /* plain: the initrd */
    uint64_t n;           /* of them */
    uint64_t at;          /* bytes read so far, also of what is unpacked */
    struct archive *packed;
    bool ended;  /* an archive's last entry was the last thing read */
    bool broken; /* what comes behind that cannot be unpacked */
};

struct walk {
    const struct initrd_visitor *visitor;
    uint64_t unpacked; /* content, of all archives */
    unsigned entries;
    char path[INITRD_PATH_MAX];
};

static int damaged(const char *what, struct err *e)
{
    return err_set(e, ERR_VERIFY, "the initrd is damaged: %s", what);
}

/* ---- a source ---- */

/* Up to n bytes to buf; less only at the end. */
static int64_t take(struct source *source, uint8_t *buf, size_t n)
{
    size_t done = 0;

    if (source->packed == NULL) {
        done = n < source->n - source->at ? n : (size_t)(source->n - source->at);
        memcpy(buf, source->bytes + source->at, done);
        source->at += done;
        return (int64_t)done;
    }
    while (done < n) {
        la_ssize_t got = la.archive_read_data(source->packed, buf + done, n - done);

        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    source->at += done;
    return (int64_t)done;
}

static int take_all(struct source *source, void *buf, size_t n, struct err *e)
{
    return take(source, buf, n) == (int64_t)n ? 0 : damaged("it ends too early", e);
}

static int skip(struct source *source, uint64_t n, struct err *e)
{
    uint8_t passed[1 << 14];

    if (source->packed == NULL) {
        if (n > source->n - source->at)
            return damaged("it ends too early", e);
        source->at += n;
        return 0;
    }
    while (n > 0) {
        size_t part = n < sizeof(passed) ? (size_t)n : sizeof(passed);

        if (take_all(source, passed, part, e) < 0)
            return -1;
        n -= part;
    }
    return 0;
}

static int skip_padding(struct source *source, struct err *e)
{
    return skip(source, round_up(source->at, ALIGN) - source->at, e);
}

/* ---- one entry ---- */

static bool parse_number(const uint8_t *digits, uint64_t *value)
{
    *value = 0;
    for (int i = 0; i < 8; i++) {
        const char *known = "0123456789abcdef", *digit;

        digit = digits[i] != '\0' ? strchr(known, digits[i] | 0x20) : NULL;
        if (digit == NULL)
            return false;
        *value = *value << 4 | (uint64_t)(digit - known);
    }
    return true;
}

static int take_path(struct walk *walk, struct source *source, uint64_t n, struct err *e)
{
    if (n == 0 || n > sizeof(walk->path))
        return damaged("a path has no end", e);
    if (take_all(source, walk->path, (size_t)n, e) < 0 || skip_padding(source, e) < 0)
        return -1;
    return walk->path[n - 1] == '\0' ? 0 : damaged("a path has no end", e);
}

static const char *without_front(const char *path)
{
    while (*path == '/' || (path[0] == '.' && (path[1] == '/' || path[1] == '\0')))
        path++;
    return path;
}

/* Its content, where that is wanted, in a new buffer. */
static int take_content(struct walk *walk, struct source *source, const struct initrd_entry *entry,
                        uint8_t **data, struct err *e)
{
    const struct initrd_visitor *visitor = walk->visitor;

    if (entry->size > UNPACKED_MAX - walk->unpacked)
        return damaged("it unpacks to more than any initramfs has", e);
    walk->unpacked += entry->size;
    if (!S_ISREG(entry->mode) || entry->size > CONTENT_MAX || visitor->wants == NULL ||
        !visitor->wants(visitor->arg, entry))
        return skip(source, entry->size, e);
    *data = calloc(1, (size_t)entry->size + 1);
    if (*data == NULL)
        return err_no_memory(e);
    return take_all(source, *data, (size_t)entry->size, e);
}

/* The rest of an entry whose header begins with `first`. */
static int walk_entry(struct walk *walk, struct source *source, uint8_t first, struct err *e)
{
    _cleanup_free_ uint8_t *data = NULL;
    uint8_t header[HEADER] = {first};
    struct initrd_entry entry;
    uint64_t mode, name;

    if (take_all(source, header + 1, HEADER - 1, e) < 0)
        return -1;
    if ((memcmp(header, "070701", 6) != 0 && memcmp(header, "070702", 6) != 0) ||
        !parse_number(header + MODE_AT, &mode) || !parse_number(header + SIZE_AT, &entry.size) ||
        !parse_number(header + NAME_AT, &name) || ++walk->entries > ENTRIES_MAX)
        return damaged("what should be an entry is none", e);
    if (take_path(walk, source, name, e) < 0)
        return -1;
    source->ended = strcmp(walk->path, END) == 0;
    entry.path = without_front(walk->path);
    entry.mode = (unsigned)mode;
    if (take_content(walk, source, &entry, &data, e) < 0)
        return -1;
    entry.data = data;
    if (!source->ended && walk->visitor->visit(walk->visitor->arg, &entry, e) < 0)
        return -1;
    /* behind the last entry's content there need not be any padding */
    return source->ended ? 0 : skip_padding(source, e);
}

/* ---- archives ---- */

/* Archives and the zeros between them, up to the end or something else (*first). */
static int walk_archives(struct walk *walk, struct source *source, uint8_t *first, struct err *e)
{
    for (;;) {
        int64_t got = take(source, first, 1);

        if (got < 0 && !source->ended)
            return damaged("it cannot be unpacked", e);
        source->broken = got < 0;
        if (got <= 0)
            return 0;
        if (*first == '\0')
            continue;
        if (*first != '0')
            return 1;
        if (walk_entry(walk, source, *first, e) < 0)
            return -1;
    }
}

static void close_archive(struct archive **archive)
{
    if (*archive != NULL)
        la.archive_read_free(*archive);
}

/* Those that libarchive unpacks by itself: another program for it could not be started in a jail.
 */
static void know_packings(struct archive *archive)
{
    (void)la.archive_read_support_filter_gzip(archive);
    (void)la.archive_read_support_filter_bzip2(archive);
    (void)la.archive_read_support_filter_lzma(archive);
    (void)la.archive_read_support_filter_xz(archive);
    (void)la.archive_read_support_filter_lz4(archive);
    (void)la.archive_read_support_filter_zstd(archive);
}

/* What is packed from bytes on. *used: how many of them that took, 0 where that is not known. */
static int walk_packed(struct walk *walk, const uint8_t *bytes, uint64_t n, uint64_t *used,
                       struct err *e)
{
    _cleanup_(close_archive) struct archive *archive = la.archive_read_new();
    struct source source = {.packed = archive};
    struct archive_entry *entry;
    uint8_t first;
    int result;

    if (archive == NULL)
        return err_no_memory(e);
    know_packings(archive);
    (void)la.archive_read_support_format_raw(archive);
    if (la.archive_read_open_memory(archive, bytes, (size_t)n) == ARCHIVE_OK &&
        la.archive_filter_count(archive) < 2)
        return err_set(e, ERR_UNSUPPORTED, "the initrd is packed in a way that is not known");
    if (la.archive_read_next_header(archive, &entry) != ARCHIVE_OK)
        return damaged("it cannot be unpacked", e);
    result = walk_archives(walk, &source, &first, e);
    if (result > 0)
        return damaged("what is packed in it is no archive", e);
    *used = source.broken ? 0 : (uint64_t)la.archive_filter_bytes(archive, -1);
    return result;
}

int initrd_walk(const void *bytes, uint64_t n, const struct initrd_visitor *visitor, struct err *e)
{
    struct source source = {.bytes = bytes, .n = n};
    struct walk walk = {.visitor = visitor};
    uint64_t used = 0;
    uint8_t first;
    int result;

    while ((result = walk_archives(&walk, &source, &first, e)) > 0) {
        bool behind = used > 0;

        source.at--;
        result = walk_packed(&walk, source.bytes + source.at, n - source.at, &used, e);
        if (result < 0) /* the kernel, too, passes over what it does not know there */
            return behind && e->code == ERR_UNSUPPORTED ? 0 : -1;
        if (used == 0 || used > n - source.at)
            return 0;
        source.at += used;
    }
    return result;
}
