// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * step_resize.c: shrinks or grows a partition with its filesystem. The filesystem's own tool works
 * on an overlay; its changes come over by a journal (block/redo.h). Growing changes the table
 * first, shrinking last: so the filesystem is inside its partition at any time.
 *
 * The tool has done its work, and the journal is known to have room for it, before the first byte
 * is written, be it the log: what does not fit leaves the disk as it was.
 */
#include "apply/resize_room.h"
#include "apply/step_work.h"
#include "block/overlay.h"
#include "block/redo.h"
#include "core/cleanup.h"
#include "core/folders.h"
#include "core/shell.h"
#include "core/size.h"
#include "fs/fs.h"
#include "initramfs/resize_mounted.h"

#include <string.h>

struct resize {
    bool committed; /* the disk is being changed: from here on only forwards */
    struct apply *apply;
    const struct step *step;
    const struct fs_ops *fs;
    struct blockdev *disk, *slice, *overlay;
    struct fs_free free;
    struct fs_bounds bounds;
    struct redo redo;
};

static void resize_close(struct resize *r)
{
    blockdev_close(r->overlay);
    blockdev_close(r->slice);
    free(r->free.bits);
}

#define _cleanup_resize_ __attribute__((cleanup(resize_close)))

static bool grows(const struct step *step)
{
    return step->to.bytes > step->from.bytes;
}

int step_resize_done(struct apply *apply, const struct step *step, struct err *e)
{
    struct table_entry entry;

    if (step_entry(apply, step, &entry, e) < 0)
        return -1;
    return step_pending(apply, step) == NULL && entry.range.bytes == step->to.bytes;
}

/* ---- the change of the filesystem ---- */

/* Where on the disk the block is by which the filesystem is recognised. */
static int find_head(struct resize *r, uint64_t *head, struct err *e)
{
    *head = 0;
    if (r->fs->head != NULL && r->fs->head(r->slice, head, e) < 0)
        return -1;
    *head += r->step->from.start;
    return 0;
}

static int apply_redo(struct resize *r, const struct redo *redo, struct err *e)
{
    uint64_t head;

    if (redo->index.bytes == 0)
        return 0;
    if (find_head(r, &head, e) < 0)
        return -1;
    return redo_apply(r->disk, r->apply->log.journal, redo, head, e);
}

/* Remembers the journal's place; without one the change is complete already. */
static int keep_redo(struct resize *r, const struct redo *redo, struct err *e)
{
    struct pending *pending = r->apply->log.history->pending;

    pending->index = redo->index;
    pending->index_crc = redo->crc;
    pending->stage = redo->index.bytes > 0 ? PENDING_CONTENT : PENDING_TABLE;
    pending->fs_before = pending->fs_after = 0;
    if (redo->index.bytes > 0 && r->fs->written != NULL &&
        (r->fs->written(r->slice, &pending->fs_before, e) < 0 ||
         r->fs->written(r->overlay, &pending->fs_after, e) < 0))
        return -1;
    return disk_log_save(&r->apply->log, e);
}

static bool is_free(void *arg, struct extent range)
{
    const struct resize *r = arg;

    return resize_is_free(&r->free, range);
}

static int next_change(struct blockdev *overlay, uint64_t offset, struct extent *change,
                       struct err *e)
{
    (void)e;
    overlay_changed(overlay, offset, change);
    return 0;
}

static int find_room(struct resize *r, struct resize_room *room, struct err *e)
{
    const struct disk_log *log = &r->apply->log;
    const struct resize_place place = {
        .free = &r->free, .overlay = r->overlay, .at = r->step->from.start};

    /* blocks of the filesystem itself only where the journal is on this disk */
    return resize_room_find(&place, log->area.journal, log->file == NULL, room, e);
}

typedef int redo_fn(struct resize *r, const struct redo_change *change, struct err *e);

/* Calls redo_do with the change and all the room that its journal can have. */
static int with_room(struct resize *r, redo_fn *redo_do, struct err *e)
{
    struct resize_room room = {0};
    struct redo_change change = {.disk = r->disk,
                                 .at = r->step->from.start,
                                 .overlay = r->overlay,
                                 .next_change = next_change,
                                 .is_free = is_free,
                                 .arg = r,
                                 .journal = r->apply->log.journal};
    int result = find_room(r, &room, e);

    change.room = room.ranges.list;
    change.n_room = room.ranges.n;
    if (result == 0)
        result = find_head(r, &change.head, e);
    if (result == 0)
        result = redo_do(r, &change, e);
    free(room.ranges.list);
    return result < 0 ? err_hint(e, "--journal FILE names a file on another disk for the journal")
                      : 0;
}

static int check_redo(struct resize *r, const struct redo_change *change, struct err *e)
{
    (void)r;
    return redo_check(change, e);
}

static int prepare_redo(struct resize *r, const struct redo_change *change, struct err *e)
{
    return redo_prepare(change, &r->redo, e);
}

static int commit(struct resize *r, struct err *e)
{
    static const struct redo none;

    if (with_room(r, prepare_redo, e) < 0)
        return -1;
    r->committed = true;
    if (keep_redo(r, &r->redo, e) < 0 || apply_redo(r, &r->redo, e) < 0)
        return -1;
    return keep_redo(r, &none, e);
}

/* Whether we have the key of what is encrypted. */
static bool is_opened(const struct resize *r)
{
    return r->fs->locked != NULL && r->apply->key_file != NULL;
}

static int look_at_bounds(struct resize *r, struct err *e)
{
    return is_opened(r) ? r->fs->locked->bounds(r->slice, r->apply->key_file, &r->bounds, e)
                        : r->fs->bounds(r->slice, &r->bounds, e);
}

/* True when the filesystem has the size already: the work was cut behind this. */
static int is_resized(struct resize *r, uint64_t *wanted, struct err *e)
{
    const struct fs_bounds *bounds = &r->bounds;

    if (look_at_bounds(r, e) < 0)
        return -1;
    *wanted = r->step->to.bytes < bounds->most ? r->step->to.bytes : bounds->most;
    *wanted = round_down(*wanted, bounds->unit > 0 ? bounds->unit : 1);
    return grows(r->step) ? bounds->now >= *wanted : bounds->now <= *wanted;
}

/* Below what the filesystem is known to need only its tool, or the kernel, can tell: what it said
 * is put as what that means. */
static int does_not_fit(struct resize *r, uint64_t wanted, struct err *e)
{
    char size[SIZE_TEXT];

    if (grows(r->step) || wanted >= r->bounds.least ||
        (e->code != ERR_TOOL && e->code != ERR_VERIFY && e->code != ERR_NO_SPACE))
        return -1;
    *e->hint = '\0'; /* what the tool says to do about its copy */
    err_set(e, ERR_NO_SPACE, "%s stays as it is: what its %s holds does not fit into %s",
            r->step->target, r->fs->name, size_exact(r->step->to.bytes, size, sizeof(size)));
    if (r->bounds.least >= r->step->from.bytes)
        return err_hint(e, "make room in it first: delete files, or move them elsewhere");
    return err_hint(e, "--size %s is certainly enough",
                    size_exact(round_up(r->bounds.least, MIB), size, sizeof(size)));
}

/* For those that change their size only while they are mounted. What broke off stays pending: the
 * filesystem's own log may have the new size already. A shrunk one is looked at again before its
 * partition follows. */
static int resize_by_mount(struct resize *r, const struct table_entry *entry, struct err *e)
{
    struct mounted_resize mounted = {.disk = r->apply->disk,
                                     .bd = r->slice,
                                     .range = entry->range,
                                     .what = r->step->target,
                                     .fs = r->fs,
                                     .bytes = grows(r->step) ? 0 : r->step->to.bytes,
                                     .ui = r->apply->ui};
    uint64_t wanted;
    bool settled, held;
    int done;

    if (resize_mounted(&mounted, &settled, &held, e) < 0) {
        r->committed = !settled;
        return settled ? does_not_fit(r, r->step->to.bytes, e) : -1;
    }
    if (!held)
        disk_log_let_go(&r->apply->log, r->step->from);
    done = grows(r->step) ? 1 : is_resized(r, &wanted, e);
    return done != 0 ? (done < 0 ? -1 : 0)
                     : err_set(e, ERR_VERIFY, "%s: its %s is still too large", r->step->target,
                               r->fs->name);
}

static int resize_copy(struct resize *r, uint64_t bytes, struct err *e)
{
    if (is_opened(r))
        return r->fs->locked->resize(r->slice, r->overlay, bytes, r->apply->key_file, e);
    ui_note(r->apply->ui, "  %s works on a copy of what it changes", r->fs->name);
    return r->fs->resize(r->overlay, bytes, e);
}

static int run_tool(struct resize *r, uint64_t wanted, struct err *e)
{
    return resize_copy(r, wanted, e) == 0 ? 0 : does_not_fit(r, wanted, e);
}

/* What the disk has of a cut work is applied without the key; what is still to be done needs it. */
static int leave_locked(struct resize *r, struct err *e)
{
    const struct pending *pending = step_pending(r->apply, r->step);

    if (r->committed || (pending != NULL && pending->stage == PENDING_TABLE))
        return 0;
    if (!grows(r->step)) {
        err_set(e, ERR_REFUSED, "%s is encrypted, and what is in it was not shrunk yet",
                r->step->target);
        return err_hint(e, "give the command again, with its --key-file");
    }
    ui_note(r->apply->ui, "  what is in %s is not grown: that takes its --key-file",
            r->step->target);
    return 0;
}

static int change_fs(struct resize *r, uint64_t bytes, struct err *e)
{
    if ((!is_opened(r) && r->fs->ready(r->slice, e) < 0) || run_tool(r, bytes, e) < 0)
        return -1;
    if (is_opened(r))
        return r->fs->locked->free_blocks(r->slice, r->apply->key_file, &r->free, e);
    return r->fs->free_blocks != NULL ? r->fs->free_blocks(r->slice, &r->free, e) : 0;
}

/* The tool changes a copy. */
static int make_copy(struct resize *r, uint64_t wanted, struct err *e)
{
    _cleanup_free_ char *folder = state_folder(e);

    r->overlay = folder != NULL ? overlay_open(r->slice, folder, e) : NULL;
    return r->overlay == NULL ? -1 : change_fs(r, wanted, e);
}

static int resize_fs(struct resize *r, struct err *e)
{
    struct table_entry entry;
    uint64_t wanted;
    int done;

    if (r->overlay != NULL)
        return commit(r, e);

    if (step_entry(r->apply, r->step, &entry, e) < 0)
        return -1;
    blockdev_close(r->slice);
    r->slice = slice_open(r->disk, entry.range, e);
    if (r->slice != NULL && r->fs->locked != NULL && !is_opened(r))
        return leave_locked(r, e);
    done = r->slice == NULL ? -1 : is_resized(r, &wanted, e);
    if (done != 0)
        return done < 0 ? -1 : 0;
    if (r->fs->resize == NULL && r->fs->locked == NULL)
        return resize_by_mount(r, &entry, e);
    return make_copy(r, wanted, e) < 0 ? -1 : commit(r, e);
}

static int set_size(struct resize *r, struct err *e)
{
    struct table_entry entry;

    if (step_entry(r->apply, r->step, &entry, e) < 0)
        return -1;
    entry.range.bytes = r->step->to.bytes;
    return step_set_entry(r->apply, r->step, &entry, e);
}

/* The disk says by the partition's type that the work on it, of which the journal is in a file, is
 * not done: it may have no log, or lose it. */
static int mark(struct resize *r, struct err *e)
{
    const struct pending *pending = step_pending(r->apply, r->step);
    struct table_entry entry;

    if (r->apply->log.file == NULL)
        return 0;
    if (step_entry(r->apply, r->step, &entry, e) < 0)
        return -1;
    step_mark(pending, &entry);
    return step_set_entry(r->apply, r->step, &entry, e) < 0 ? -1 : step_note_mark(r->apply, e);
}

static int settle(struct resize *r, uint64_t bytes, struct err *e)
{
    const struct pending *pending = step_pending(r->apply, r->step);
    struct table_entry entry;

    if (step_entry(r->apply, r->step, &entry, e) < 0)
        return -1;
    entry.range.bytes = bytes;
    step_unmark(pending, &entry);
    return step_set_entry(r->apply, r->step, &entry, e);
}

/* True when somebody mounted the filesystem after the power cut: the journal holds what it was
 * then.
 */
static bool is_stale(struct resize *r, const struct pending *pending)
{
    struct err hidden;
    uint64_t now;

    /* what cannot be recognised nobody has mounted: redo_apply had begun, and was not done */
    if (r->fs->written == NULL || pending->fs_before == 0 ||
        r->fs->written(r->slice, &now, &hidden) < 0)
        return false;
    return now != pending->fs_before && now != pending->fs_after;
}

/* What is there may be something else altogether, of which nothing could ever be finished. */
static int hint_stuck(const struct resize *r, struct err *e)
{
    struct shell_word disk = shell_quote(r->apply->path);

    *e->hint = '\0'; /* what a check says to do is not all */
    return err_hint(e,
                    "repair its %s, then finish this: `berth disk finish %s`; or give up what is "
                    "in it: `berth part rm %s %u --lose %u`",
                    r->fs->name, disk.text, disk.text, r->step->number, r->step->number);
}

/* The journal does not fit what is there any more. The work begins anew with that, if it is sound:
 * the journal may be half on it. */
static int leave_redo(struct resize *r, struct err *e)
{
    static const struct redo none;

    ui_note(r->apply->ui, "  %s was written to since: beginning anew", r->fs->name);
    if (r->fs->check(r->slice, e) < 0) {
        err_wrap(e, "%s was mounted while it was half resized", r->step->target);
        return hint_stuck(r, e);
    }
    return keep_redo(r, &none, e);
}

/* Goes on where the power was cut. That nothing is to be copied any more is noted before the table
 * says that the work is over: a disk that says so with more to copy would be taken for a copy. */
static int continue_redo(struct resize *r, const struct pending *pending, struct err *e)
{
    static const struct redo none;
    struct table_entry entry;
    struct err why = {0};

    if (step_entry(r->apply, r->step, &entry, e) < 0)
        return -1;
    r->slice = slice_open(r->disk, entry.range, e);
    if (r->slice == NULL)
        return -1;
    if (is_stale(r, pending))
        return leave_redo(r, e);
    if (apply_redo(r, &(struct redo){pending->index, pending->index_crc}, &why) == 0) {
        r->committed = true;
        return keep_redo(r, &none, e);
    }
    if (why.code == ERR_VERIFY)
        return leave_redo(r, e);
    *e = why;
    return -1;
}

/* What is not sound is left alone before anything is written, be it the log. What is encrypted, or
 * has to be mounted, is looked at by whoever opens or mounts it. */
static int check_sound(const struct resize *r, struct err *e)
{
    _cleanup_blockdev_ struct blockdev *slice = NULL;
    char way_out[sizeof(e->hint)];

    if (r->fs->resize == NULL)
        return 0;
    slice = slice_open(r->disk, r->step->from, e);
    if (slice == NULL)
        return -1;
    if (r->fs->ready(slice, e) < 0)
        return -1;
    if (r->fs->check(slice, e) == 0)
        return 0;
    snprintf(way_out, sizeof(way_out), "%s", e->hint);
    *e->hint = '\0';
    return err_hint(e, "nothing was changed: %.900s",
                    *way_out != '\0' ? way_out : "repair it first");
}

/* All that may fail for what is there, before anything is written. */
static int rehearse(struct resize *r, struct err *e)
{
    const struct step *step = r->step;
    uint64_t wanted;
    int done;

    if (check_sound(r, e) < 0)
        return -1;
    if (r->fs->locked != NULL ? !is_opened(r) : r->fs->resize == NULL)
        return 0;
    if (grows(step) && disk_is_device(r->apply->disk))
        return 0; /* it would be read through two nodes, whose page caches are not coherent */
    r->slice = slice_open(r->disk, grows(step) ? step->to : step->from, e);
    done = r->slice == NULL ? -1 : is_resized(r, &wanted, e);
    if (done != 0)
        return done < 0 ? -1 : 0;
    return make_copy(r, wanted, e) < 0 ? -1 : with_room(r, check_redo, e);
}

int step_resize_try(struct apply *apply, const struct step *step, struct err *e)
{
    _cleanup_resize_ struct resize r = {
        .apply = apply, .step = step, .disk = disk_blockdev(apply->disk)};

    r.fs = fs_by_name(step->fs);
    if (r.fs == NULL || r.fs->resize == NULL || grows(step) || step->mountpoint != NULL)
        return 0;
    r.slice = slice_open(r.disk, step->from, e);
    if (r.slice == NULL || look_at_bounds(&r, e) < 0)
        return -1;
    if (step->to.bytes >= r.bounds.least)
        return 0;
    ui_note(apply->ui, "on trial: %s", step->text);
    return make_copy(&r, step->to.bytes, e) < 0 ? -1 : with_room(&r, check_redo, e);
}

static int begin(struct resize *r, struct err *e)
{
    const struct pending *pending = step_pending(r->apply, r->step);
    struct table_entry entry;

    if (pending != NULL && disk_log_resume(&r->apply->log, e) < 0)
        return -1;
    if (pending != NULL)
        return pending->index.bytes == 0 ? 0 : continue_redo(r, pending, e);
    if (rehearse(r, e) < 0 || step_entry(r->apply, r->step, &entry, e) < 0)
        return -1;
    return step_begin(r->apply, r->step, HISTORY_RESIZE, &entry, 0, e);
}

/* What is mounted changes by the kernel, which keeps its own journal. */
static int grow_mounted(struct resize *r, struct err *e)
{
    const char *node;

    if (set_size(r, e) < 0)
        return -1;
    node = disk_node(r->apply->disk, r->step->to, e);
    return node == NULL ? -1 : r->fs->grow_mounted(node, r->step->mountpoint, e);
}

/* The kernel puts back what it began. What it does not fit into is said as that. */
static int not_shrunk(struct resize *r, struct err *e)
{
    const struct step *step = r->step;
    struct err why = *e, ignored;
    char size[SIZE_TEXT];

    r->slice = slice_open(r->disk, step->from, &ignored);
    if (why.code == ERR_NO_SPACE && r->slice != NULL &&
        r->fs->bounds(r->slice, &r->bounds, &ignored) == 0 && step->to.bytes < r->bounds.least)
        return does_not_fit(r, step->to.bytes, e);
    err_set(e, why.code, "%s stays as it is: the kernel does not shrink its %s to %s now: %.300s",
            step->target, r->fs->name, size_exact(step->to.bytes, size, sizeof(size)), why.text);
    return err_hint(e,
                    "wait for what else is done with it, such as a balance, or unmount it first: "
                    "umount %s",
                    step->mountpoint);
}

/* The partition shrinks under a mounted filesystem, which must have left that part of it. */
static int shrink_mounted(struct resize *r, struct err *e)
{
    const struct step *step = r->step;
    const char *node = disk_node(r->apply->disk, step->from, e);

    if (node == NULL)
        return -1;
    if (r->fs->shrink_mounted(node, step->mountpoint, step->to.bytes, e) < 0)
        return not_shrunk(r, e);
    r->slice = slice_open(r->disk, step->from, e);
    if (r->slice == NULL || r->fs->bounds(r->slice, &r->bounds, e) < 0)
        return -1;
    if (r->bounds.now > step->to.bytes)
        return err_set(e, ERR_FAILED, "%s: its %s is still %llu bytes large", step->target,
                       r->fs->name, (unsigned long long)r->bounds.now);
    disk_let_shrink(r->apply->disk, step->to);
    return set_size(r, e);
}

/* A file says that the disk is as the work found it, before the table does: without the mark there
 * it would be taken for a copy. */
static int note_no_mark(struct resize *r, struct err *e)
{
    if (r->apply->log.file == NULL)
        return 0;
    r->apply->log.history->pending->stage = PENDING_MARK;
    return disk_log_save(&r->apply->log, e);
}

/* Nothing of the filesystem was changed yet: the partition gets its old size back, where that still
 * holds the filesystem, and other commands are free again. */
static void give_up(struct resize *r)
{
    uint64_t bytes = r->step->from.bytes;
    struct err ignored;

    if (r->committed || step_pending(r->apply, r->step) == NULL)
        return;
    if (grows(r->step)) {
        if (r->slice == NULL || look_at_bounds(r, &ignored) < 0)
            return;
        if (r->bounds.now > bytes)
            bytes = r->step->to.bytes;
    }
    if (note_no_mark(r, &ignored) < 0 || settle(r, bytes, &ignored) < 0)
        return;
    (void)disk_log_pending(&r->apply->log, NULL, &ignored);
}

int step_resize_apply(struct apply *apply, const struct step *step, struct err *e)
{
    _cleanup_resize_ struct resize r = {
        .apply = apply, .step = step, .disk = disk_blockdev(apply->disk)};

    r.fs = fs_by_name(step->fs);
    if (r.fs == NULL)
        return err_set(e, ERR_UNSUPPORTED, "%s: there is no filesystem %s here", step->target,
                       step->fs);
    if (step->mountpoint != NULL)
        return grows(step) ? grow_mounted(&r, e) : shrink_mounted(&r, e);
    if (begin(&r, e) < 0 || mark(&r, e) < 0 || (grows(step) && set_size(&r, e) < 0))
        return -1;
    if (resize_fs(&r, e) < 0) {
        give_up(&r);
        return step_pending(apply, step) != NULL && *e->hint == '\0' ? hint_stuck(&r, e) : -1;
    }
    if (settle(&r, step->to.bytes, e) < 0)
        return -1;
    return step_end(apply, step, e);
}
