// SPDX-License-Identifier: GPL-3.0-or-later
/* scan.c: one pass over an archive: sums up sizes, keeps an outline, and identifies that. */
#include "images/scan.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "images/format.h"
#include "images/stream.h"
#include "os/identify.h"
#include "os/outline.h"

#include <string.h>

#define BLOCK         ((uint64_t)4096)
#define ACCOUNTS_MAX  (256 * KIB)
#define ZONEINFO      "usr/share/zoneinfo/"
#define PROGRESS_EACH 64 /* entries */

/* The blocks that an entry needs on a filesystem. Folders take at least one, and about one more for
 * each 64 names, which the entries below them pay for. */
static uint64_t content_bytes(const struct tree_entry *entry)
{
    uint64_t bytes = entry->size;

    if (entry->type == TREE_DIR)
        return BLOCK;
    if (entry->type != TREE_FILE)
        return BLOCK / 64;
    if (entry->sparse) {
        bytes = 0;
        for (size_t i = 0; i < entry->n_data; i++)
            bytes += round_up(entry->data[i].bytes, BLOCK);
    }
    return round_up(bytes, BLOCK) + BLOCK / 64;
}

/* A time zone's file has its name in zoneinfo's path; the copies in posix/ and right/ do not count.
 */
static int note_timezone(const struct tree_entry *entry, struct image *image, struct err *e)
{
    const char *zone = entry->path + strlen(ZONEINFO);

    if (entry->type == TREE_DIR || strncmp(entry->path, ZONEINFO, strlen(ZONEINFO)) != 0)
        return 0;
    if (strncmp(zone, "posix/", 6) == 0 || strncmp(zone, "right/", 6) == 0 ||
        strchr(zone, '.') != NULL)
        return 0;
    return strings_add(&image->timezones, zone, strlen(zone), e);
}

static int read_entries(struct stream *stream, struct tree *outline, struct image *image,
                        struct ui *ui, struct err *e)
{
    struct tree *tree = stream_tree(stream);
    struct tree_entry entry;
    uint64_t n = 0;
    int more;

    while ((more = tree_next(tree, &entry, e)) > 0) {
        if (n++ % PROGRESS_EACH == 0 &&
            ui_progress(ui, "reading the image", stream_position(stream), stream_bytes(stream), e) <
                0)
            return -1;
        image->content_bytes += content_bytes(&entry);
        image->inodes += entry.type != TREE_HARDLINK;
        if (note_timezone(&entry, image, e) < 0 ||
            outline_add(outline, &entry, entry.type == TREE_FILE ? tree_content(tree) : NULL, e) <
                0)
            return -1;
    }
    if (more == 0 && image->inodes == 0)
        return err_set(e, ERR_UNSUPPORTED, "no file in it");
    return more;
}

/* The names (the text up to the first ":") of an accounts file's lines; none when it is not there.
 */
static int read_names(struct tree *outline, const char *path, struct strings *names, struct err *e)
{
    _cleanup_free_ char *text = NULL;
    struct err ignored;
    char *next, *line;

    if (tree_read_file(outline, path, ACCOUNTS_MAX, &text, NULL, &ignored) < 0)
        return 0;
    next = text;
    while ((line = strsep(&next, "\n")) != NULL) {
        size_t len = strcspn(line, ":");

        if (len > 0 && line[len] == ':' && strings_add(names, line, len, e) < 0)
            return -1;
    }
    return 0;
}

static int read_identity(struct tree *outline, struct image *image, struct err *e)
{
    struct identity identity;

    if (identify(outline, &identity, e) < 0)
        return -1;
    image->family = steal(identity.family);
    image->os = steal(identity.os);
    image->version = steal(identity.version);
    image->arch = steal(identity.arch);
    image->kernel = steal(identity.kernel);
    identity_free(&identity);
    if (read_names(outline, "etc/passwd", &image->users, e) < 0)
        return -1;
    return read_names(outline, "etc/group", &image->groups, e);
}

static int scan_stream(const char *path, const char *shown, struct image *image, struct ui *ui,
                       struct err *e)
{
    _cleanup_stream_ struct stream *stream = stream_open(path, shown, e);
    _cleanup_tree_ struct tree *outline = outline_new(e);
    const char *digest;

    if (stream == NULL || outline == NULL || read_entries(stream, outline, image, ui, e) < 0)
        return -1;
    image->bytes = stream_bytes(stream);
    if (stream_finish(stream, &digest, e) < 0)
        return -1;
    image->digest = strdup(digest);
    if (image->digest == NULL)
        return err_no_memory(e);
    return read_identity(outline, image, e);
}

int scan(const char *path, const char *shown, struct image *image, struct ui *ui, struct err *e)
{
    *image = (struct image){0};
    if (format_check(path, e) < 0)
        return -1;
    if (scan_stream(path, shown, image, ui, e) < 0) {
        image_free(image);
        return err_wrap(e, "%s", shown);
    }
    return 0;
}
