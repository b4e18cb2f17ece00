// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * history_json.c: the history as JSON text and back.
 *
 * The order of members is fixed, unknown ones last. The text comes from a disk that others can
 * write: what it says is checked here, as far as that is possible without the disk.
 */
#include "core/cleanup.h"
#include "model/history.h"
#include "model/history_bytes.h"
#include "model/record_member.h"

#include <string.h>

#define TEXT_MAX    (1 << 20) /* bytes of JSON */
#define REGIONS_MAX 4096

#define HISTORY(field) offsetof(struct history, field)
#define ENTRY(field)   offsetof(struct history_entry, field)
#define REGION(field)  offsetof(struct history_region, field)
#define UNDO(field)    offsetof(struct history_undo, field)
#define PENDING(field) offsetof(struct pending, field)
#define LEFT(field)    offsetof(struct history_left, field)

/* clang-format off */
static const struct member history_members[] = {
    {"berth-history", MEMBER_INT, true, HISTORY(level), 1, 1000000},
    {"needs", MEMBER_INT, true, HISTORY(needs), 1, 1000000},
    {"left-table", MEMBER_DIGEST, false, HISTORY(left_table), 0, 0},
    {"given-up", MEMBER_GUID, false, HISTORY(given_up), 0, 0},
};

static const struct member left_members[] = {
    {"start", MEMBER_BYTES, true, LEFT(range.start), 0, INT64_MAX},
    {"bytes", MEMBER_BYTES, true, LEFT(range.bytes), 1, INT64_MAX},
    {"digest", MEMBER_DIGEST, true, LEFT(digest), 0, 0},
    {"made", MEMBER_FLAG, true, LEFT(made), 0, 0},
};

static const struct member entry_members[] = {
    {"time", MEMBER_BYTES, true, ENTRY(time), 0, INT64_MAX},
    {"changes", MEMBER_FLAG, true, ENTRY(changes_disk), 0, 0},
    {"text", MEMBER_TEXT, true, ENTRY(text), 0, 0},
};

static const struct member region_members[] = {
    {"start", MEMBER_BYTES, true, REGION(range.start), 0, INT64_MAX},
    {"bytes", MEMBER_BYTES, true, REGION(range.bytes), 1, INT64_MAX},
    {"after", MEMBER_DIGEST, false, REGION(after), 0, 0},
    {"cut", MEMBER_MARK, false, REGION(cut), 0, 0},
};

static const struct member undo_members[] = {
    {"text", MEMBER_TEXT, true, UNDO(text), 0, 0},
    {"partition", MEMBER_GUID, false, UNDO(partition), 0, 0},
    {"from", MEMBER_BYTES, false, UNDO(from.start), 0, INT64_MAX},
    {"from-bytes", MEMBER_BYTES, false, UNDO(from.bytes), 0, INT64_MAX},
    {"to", MEMBER_BYTES, false, UNDO(to.start), 0, INT64_MAX},
    {"to-bytes", MEMBER_BYTES, false, UNDO(to.bytes), 0, INT64_MAX},
    {"fs", MEMBER_WORD, false, UNDO(fs), 0, 0},
    {"fs-written", MEMBER_BYTES, false, UNDO(fs_written), 0, INT64_MAX},
};

static const struct member pending_members[] = {
    {"partition", MEMBER_GUID, false, PENDING(partition), 0, 0},
    {"number", MEMBER_UNSIGNED, true, PENDING(number), 1, UINT32_MAX},
    {"name", MEMBER_TEXT, false, PENDING(name), 0, 0},
    {"from", MEMBER_BYTES, true, PENDING(from.start), 0, INT64_MAX},
    {"from-bytes", MEMBER_BYTES, true, PENDING(from.bytes), 1, INT64_MAX},
    {"to", MEMBER_BYTES, true, PENDING(to.start), 0, INT64_MAX},
    {"to-bytes", MEMBER_BYTES, true, PENDING(to.bytes), 1, INT64_MAX},
    {"both", MEMBER_BYTES, true, PENDING(both.start), 0, INT64_MAX},
    {"both-bytes", MEMBER_BYTES, true, PENDING(both.bytes), 1, INT64_MAX},
    {"type", MEMBER_GUID, false, PENDING(type), 0, 0},
    {"mbr-type", MEMBER_UNSIGNED, false, PENDING(mbr_type), 0, 255},
    {"attributes", MEMBER_BITS, false, PENDING(attributes), 0, 0},
    {"fs", MEMBER_WORD, false, PENDING(fs), 0, 0},
    {"content", MEMBER_TEXT, false, PENDING(content), 0, 0},
    {"content-before", MEMBER_TEXT, false, PENDING(content_before), 0, 0},
    {"takes-back", MEMBER_MARK, false, PENDING(takes_back), 0, 0},
    {"chunk", MEMBER_BYTES, false, PENDING(chunk), 0, INT64_MAX},
    {"index", MEMBER_BYTES, false, PENDING(index.start), 0, INT64_MAX},
    {"index-bytes", MEMBER_BYTES, false, PENDING(index.bytes), 0, INT64_MAX},
    {"index-crc", MEMBER_UNSIGNED, false, PENDING(index_crc), 0, UINT32_MAX},
    {"fs-before", MEMBER_BYTES, false, PENDING(fs_before), 0, INT64_MAX},
    {"fs-after", MEMBER_BYTES, false, PENDING(fs_after), 0, INT64_MAX},
    {"work", MEMBER_GUID, false, PENDING(work), 0, 0},
    {"work-next", MEMBER_GUID, false, PENDING(work_next), 0, 0},
    {"known-by", MEMBER_TEXT, false, PENDING(known_by), 0, 0},
    {"journal", MEMBER_TEXT, false, PENDING(journal), 0, 0},
};
/* clang-format on */

static const char *const op_names[] = {
    [HISTORY_TABLE] = "table",
    [HISTORY_RESIZE] = "resize",
    [HISTORY_MOVE] = "move",
    [HISTORY_WIPE] = "wipe",
};

static const char *const stage_names[] = {
    [PENDING_MARK] = "mark",
    [PENDING_CONTENT] = "content",
    [PENDING_FS] = "filesystem",
    [PENDING_TABLE] = "table",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *history_op_name(enum history_op op)
{
    return op_names[op];
}

/* ---- reading ---- */

/* Which of the names the member is; -1 with the err filled. */
static int read_choice(const json_t *object, const char *member, const char *const *names, size_t n,
                       struct err *e)
{
    const char *text = json_string_value(json_object_get(object, member));

    for (size_t i = 0; text != NULL && i < n; i++)
        if (strcmp(text, names[i]) == 0)
            return (int)i;
    return err_set(e, ERR_SYNTAX, "\"%s\": expected one of the %zu words from \"%s\" to \"%s\"",
                   member, n, names[0], names[n - 1]);
}

/* The member, a list of at most `most`; NULL with the err filled. */
static const json_t *list_of(const json_t *object, const char *member, size_t most, struct err *e)
{
    const json_t *list = json_object_get(object, member);

    if (json_is_array(list) && json_array_size(list) <= most)
        return list;
    err_set(e, ERR_SYNTAX, "\"%s\": expected a list of at most %zu", member, most);
    return NULL;
}

static int read_entries(struct history *history, const json_t *object, struct err *e)
{
    const json_t *list = list_of(object, "entries", HISTORY_MOST, e);

    if (list == NULL)
        return -1;
    history->entries = calloc(json_array_size(list) + 1, sizeof(*history->entries));
    if (history->entries == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < json_array_size(list); i++) {
        history->n++;
        if (members_read(entry_members, COUNT(entry_members), json_array_get(list, i),
                         &history->entries[i], e) < 0)
            return err_wrap(e, "entry %zu", i + 1);
    }
    return 0;
}

/* Each of a region's bytes as text. */
static const struct {
    const char *name;
    size_t offset;
} region_bytes[] = {
    {"before", REGION(before)},
    {"began", REGION(began)},
    {"planned", REGION(planned)},
};

/* left: how many bytes the regions may still have. */
static int read_bytes(struct history_region *region, const json_t *object, size_t kind,
                      uint64_t *left, struct err *e)
{
    const char *name = region_bytes[kind].name;
    const json_t *text = json_object_get(object, name);
    void **slot = (void **)((char *)region + region_bytes[kind].offset);

    if (text == NULL)
        return 0;
    if (!json_is_string(text) || region->range.bytes > *left)
        return err_set(e, ERR_SYNTAX, "\"%s\": expected at most %llu bytes as text", name,
                       (unsigned long long)HISTORY_BEFORE_MOST);
    *left -= region->range.bytes;
    *slot = bytes_unpack(json_string_value(text), region->range.bytes, e);
    return *slot == NULL ? err_wrap(e, "\"%s\"", name) : 0;
}

static int read_region(struct history_region *region, const json_t *object, uint64_t *left,
                       struct err *e)
{
    if (members_read(region_members, COUNT(region_members), object, region, e) < 0)
        return -1;
    for (size_t i = 0; i < COUNT(region_bytes); i++)
        if (read_bytes(region, object, i, left, e) < 0)
            return -1;
    if (region->after == NULL && (region->planned == NULL || region->before == NULL))
        return err_set(e, ERR_SYNTAX, "\"after\" is missing");
    return 0;
}

static int read_regions(struct history_undo *undo, const json_t *object, struct err *e)
{
    const json_t *list = list_of(object, "regions", REGIONS_MAX, e);
    uint64_t left = HISTORY_BEFORE_MOST;

    if (list == NULL)
        return -1;
    undo->regions = calloc(json_array_size(list) + 1, sizeof(*undo->regions));
    if (undo->regions == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < json_array_size(list); i++) {
        undo->n_regions++;
        if (read_region(&undo->regions[i], json_array_get(list, i), &left, e) < 0)
            return err_wrap(e, "region %zu", i + 1);
    }
    return 0;
}

/* name: "undo" or "begun". */
static int read_undo(struct history_undo **slot, const char *name, const json_t *top, struct err *e)
{
    static const char *const lists[] = {"op", "regions", NULL};
    json_t *object = json_object_get(top, name);
    struct history_undo *undo;
    int op;

    if (object == NULL)
        return 0;
    undo = *slot = calloc(1, sizeof(*undo));
    if (undo == NULL)
        return err_no_memory(e);
    op = read_choice(object, "op", op_names, COUNT(op_names), e);
    if (op < 0 || members_read(undo_members, COUNT(undo_members), object, undo, e) < 0 ||
        read_regions(undo, object, e) < 0)
        return err_wrap(e, "\"%s\"", name);
    undo->op = (enum history_op)op;
    return members_unknown(undo_members, COUNT(undo_members), lists, object, &undo->unknown, e);
}

static int check_pending(const struct pending *pending, struct err *e)
{
    if (pending->op != HISTORY_RESIZE && pending->op != HISTORY_MOVE)
        return err_set(e, ERR_SYNTAX, "\"op\": a %s cannot be pending", op_names[pending->op]);
    if (pending->op == HISTORY_MOVE && pending->chunk == 0)
        return err_set(e, ERR_SYNTAX, "\"chunk\" is missing");
    if (!extent_contains(&pending->both, &pending->from) ||
        !extent_contains(&pending->both, &pending->to) ||
        (pending->both.start != pending->from.start && pending->both.start != pending->to.start) ||
        (extent_end(&pending->both) != extent_end(&pending->from) &&
         extent_end(&pending->both) != extent_end(&pending->to)))
        return err_set(e, ERR_SYNTAX, "\"both\": expected the range of the old and the new place");
    if (pending->op == HISTORY_RESIZE && pending->fs == NULL)
        return err_set(e, ERR_SYNTAX, "\"fs\" is missing");
    return 0;
}

static int read_pending(struct history *history, json_t *object, struct err *e)
{
    static const char *const lists[] = {"op", "stage", NULL};
    struct pending *pending;
    int op, stage;

    if (object == NULL)
        return 0;
    pending = history->pending = calloc(1, sizeof(*pending));
    if (pending == NULL)
        return err_no_memory(e);
    op = read_choice(object, "op", op_names, COUNT(op_names), e);
    stage = op < 0 ? -1 : read_choice(object, "stage", stage_names, COUNT(stage_names), e);
    if (stage < 0 || members_read(pending_members, COUNT(pending_members), object, pending, e) < 0)
        return err_wrap(e, "\"pending\"");
    pending->op = (enum history_op)op;
    pending->stage = (enum pending_stage)stage;
    if (check_pending(pending, e) < 0)
        return err_wrap(e, "\"pending\"");
    return members_unknown(pending_members, COUNT(pending_members), lists, object,
                           &pending->unknown, e);
}

static int read_left(struct history *history, const json_t *object, struct err *e)
{
    const json_t *list;

    if (json_object_get(object, "left") == NULL)
        return 0;
    list = list_of(object, "left", HISTORY_LEFT_MOST, e);
    if (list == NULL)
        return -1;
    history->left = calloc(json_array_size(list) + 1, sizeof(*history->left));
    if (history->left == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < json_array_size(list); i++) {
        history->n_left++;
        if (members_read(left_members, COUNT(left_members), json_array_get(list, i),
                         &history->left[i], e) < 0)
            return err_wrap(e, "\"left\": range %zu", i + 1);
    }
    return 0;
}

static int read_history(struct history *history, json_t *object, struct err *e)
{
    static const char *const lists[] = {"entries", "undo", "begun", "pending", "left", NULL};

    if (members_read(history_members, COUNT(history_members), object, history, e) < 0)
        return -1;
    if (history->needs > HISTORY_LEVEL) {
        err_set(e, ERR_UNSUPPORTED, "\"needs\" is level %d, and this berth knows up to %d",
                history->needs, HISTORY_LEVEL);
        return err_hint(e, "a later berth wrote it: use that one");
    }
    if (read_entries(history, object, e) < 0 || read_undo(&history->undo, "undo", object, e) < 0 ||
        read_undo(&history->begun, "begun", object, e) < 0 ||
        read_pending(history, json_object_get(object, "pending"), e) < 0 ||
        read_left(history, object, e) < 0)
        return -1;
    return members_unknown(history_members, COUNT(history_members), lists, object,
                           &history->unknown, e);
}

struct history *history_parse(const char *text, size_t len, struct err *e)
{
    _cleanup_history_ struct history *history = history_new(e);
    _cleanup_json_ json_t *object = NULL;
    json_error_t error;

    if (history == NULL)
        return NULL;
    if (len > TEXT_MAX) {
        err_set(e, ERR_SYNTAX, "the disk's log is larger than %d bytes", TEXT_MAX);
        return NULL;
    }
    object = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL) {
        err_set(e, ERR_SYNTAX, "the disk's log is not JSON at line %d, column %d", error.line,
                error.column);
        return NULL;
    }
    if (read_history(history, object, e) < 0) {
        err_wrap(e, "the disk's log");
        return NULL;
    }
    return steal(history);
}

/* ---- writing ---- */

/* Adds the members that the reader did not know; 0, or -1 with the err filled. */
static int add_unknown(json_t *object, json_t *unknown, struct err *e)
{
    if (unknown != NULL && json_object_update_missing(object, unknown) < 0)
        return err_no_memory(e);
    return 0;
}

static int write_entries(const struct history *history, json_t *object, struct err *e)
{
    _cleanup_json_ json_t *list = json_array();

    for (size_t i = 0; i < history->n; i++) {
        _cleanup_json_ json_t *entry = json_object();

        if (members_write(entry_members, COUNT(entry_members), &history->entries[i], entry, e) < 0)
            return err_wrap(e, "entry %zu", i + 1);
        if (json_array_append(list, entry) < 0)
            return err_no_memory(e);
    }
    return member_add(object, "entries", steal(list), e);
}

static int write_bytes(const struct history_region *region, json_t *object, size_t kind,
                       struct err *e)
{
    const char *name = region_bytes[kind].name;
    const void *bytes = *(void *const *)((const char *)region + region_bytes[kind].offset);
    _cleanup_free_ char *text = NULL;

    if (bytes == NULL)
        return 0;
    if (region->range.bytes > HISTORY_BEFORE_MOST)
        return err_set(e, ERR_FAILED, "\"%s\": more than %llu bytes", name,
                       (unsigned long long)HISTORY_BEFORE_MOST);
    text = bytes_pack(bytes, region->range.bytes, e);
    return text == NULL ? -1 : member_add(object, name, json_string(text), e);
}

static int write_region(const struct history_region *region, json_t *list, struct err *e)
{
    _cleanup_json_ json_t *object = json_object();

    if (members_write(region_members, COUNT(region_members), region, object, e) < 0)
        return -1;
    for (size_t i = 0; i < COUNT(region_bytes); i++)
        if (write_bytes(region, object, i, e) < 0)
            return -1;
    return json_array_append(list, object) < 0 ? err_no_memory(e) : 0;
}

static int write_undo(const struct history_undo *undo, const char *name, json_t *top, struct err *e)
{
    _cleanup_json_ json_t *object = json_object(), *list = json_array();

    if (undo == NULL)
        return 0;
    if (member_add(object, "op", json_string(op_names[undo->op]), e) < 0 ||
        members_write(undo_members, COUNT(undo_members), undo, object, e) < 0)
        return err_wrap(e, "\"%s\"", name);
    for (size_t i = 0; i < undo->n_regions; i++)
        if (write_region(&undo->regions[i], list, e) < 0)
            return err_wrap(e, "\"%s\": region %zu", name, i + 1);
    if (member_add(object, "regions", steal(list), e) < 0 ||
        add_unknown(object, undo->unknown, e) < 0)
        return -1;
    return member_add(top, name, steal(object), e);
}

static int write_pending(const struct pending *pending, json_t *top, struct err *e)
{
    _cleanup_json_ json_t *object = json_object();

    if (pending == NULL)
        return 0;
    if (check_pending(pending, e) < 0 ||
        member_add(object, "op", json_string(op_names[pending->op]), e) < 0 ||
        member_add(object, "stage", json_string(stage_names[pending->stage]), e) < 0 ||
        members_write(pending_members, COUNT(pending_members), pending, object, e) < 0)
        return err_wrap(e, "\"pending\"");
    if (add_unknown(object, pending->unknown, e) < 0)
        return -1;
    return member_add(top, "pending", steal(object), e);
}

static int write_left(const struct history *history, json_t *top, struct err *e)
{
    _cleanup_json_ json_t *list = json_array();

    if (history->n_left == 0)
        return 0;
    for (size_t i = 0; i < history->n_left; i++) {
        _cleanup_json_ json_t *object = json_object();

        if (members_write(left_members, COUNT(left_members), &history->left[i], object, e) < 0)
            return err_wrap(e, "\"left\": range %zu", i + 1);
        if (json_array_append(list, object) < 0)
            return err_no_memory(e);
    }
    return member_add(top, "left", steal(list), e);
}

char *history_print(const struct history *history, struct err *e)
{
    _cleanup_json_ json_t *object = json_object();
    char *text;

    if (members_write(history_members, COUNT(history_members), history, object, e) < 0 ||
        write_entries(history, object, e) < 0 || write_undo(history->undo, "undo", object, e) < 0 ||
        write_undo(history->begun, "begun", object, e) < 0 ||
        write_pending(history->pending, object, e) < 0 || write_left(history, object, e) < 0 ||
        add_unknown(object, history->unknown, e) < 0) {
        err_wrap(e, "the disk's log");
        return NULL;
    }
    text = json_dumps(object, JSON_COMPACT);
    if (text == NULL)
        err_no_memory(e);
    return text;
}
