// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * record_json.c: the record as JSON text and back.
 *
 * The format is flat: one object with one object for each system, so that a member that a later
 * berth adds is kept in one of two places. The order of members is fixed, unknown ones last.
 */
#include "core/cleanup.h"
#include "core/io.h"
#include "model/machine.h"
#include "model/record.h"
#include "model/record_member.h"

#include <string.h>

#define TEXT_MAX    (1 << 20) /* bytes of JSON */
#define SYSTEMS_MAX 128       /* as many as a GPT has entries */
#define VOLUMES_MAX 128       /* of one system */
#define ORDER_MAX   256

#define RECORD(field) offsetof(struct record, field)
#define SYSTEM(field) offsetof(struct record_system, field)

static const struct member record_members[] = {
    {"berth-record", MEMBER_INT, true, RECORD(level), 1, 1000000},
    {"needs", MEMBER_INT, true, RECORD(needs), 1, 1000000},
    {"generation", MEMBER_BYTES, true, RECORD(generation), 0, INT64_MAX / 2},
    {"machine", MEMBER_NAME, false, RECORD(machine), 0, 0},
    {"disk", MEMBER_GUID, true, RECORD(disk), 0, 0},
    {"menu-default", MEMBER_NAME, false, RECORD(menu_default), 0, 0},
    {"menu-timeout", MEMBER_INT, false, RECORD(menu_timeout), -1, 3600},
    {"console-vga", MEMBER_FLAG, false, RECORD(vga), 0, 0},
    {"console-serial", MEMBER_FLAG, false, RECORD(serial), 0, 0},
};

static const struct member system_members[] = {
    {"name", MEMBER_NAME, true, SYSTEM(name), 0, 0},
    {"host", MEMBER_FLAG, true, SYSTEM(host), 0, 0},
    {"family", MEMBER_WORD, false, SYSTEM(family), 0, 0},
    {"os", MEMBER_TEXT, false, SYSTEM(os), 0, 0},
    {"image", MEMBER_WORD, false, SYSTEM(image), 0, 0},
    {"digest", MEMBER_DIGEST, false, SYSTEM(digest), 0, 0},
    {"root", MEMBER_GUID, true, SYSTEM(root), 0, 0},
    {"bytes", MEMBER_BYTES, false, SYSTEM(bytes), 0, INT64_MAX},
    {"fs-uuid", MEMBER_GUID, false, SYSTEM(fs_uuid), 0, 0},
    {"settings", MEMBER_TEXT, false, SYSTEM(settings), 0, 0},
    {"kernel-options", MEMBER_TEXT, false, SYSTEM(kernel_options), 0, 0},
    {"memory", MEMBER_BYTES, false, SYSTEM(memory), 0, INT64_MAX},
    {"cpus", MEMBER_UNSIGNED, false, SYSTEM(cpus), 0, 4096},
    {"net", MEMBER_WORD, false, SYSTEM(net), 0, 0},
    {"engine", MEMBER_WORD, false, SYSTEM(engine), 0, 0},
    {"pending", MEMBER_TEXT, false, SYSTEM(pending), 0, 0},
};

static const struct member work_members[] = {
    {"text", MEMBER_TEXT, true, offsetof(struct record_work, text), 0, 0},
    {"partition", MEMBER_GUID, true, offsetof(struct record_work, partition), 0, 0},
    {"tries", MEMBER_UNSIGNED, false, offsetof(struct record_work, tries), 0, 1000000},
    {"result", MEMBER_TEXT, false, offsetof(struct record_work, result), 0, 0},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- reading ---- */

static int read_volumes(struct record_system *system, json_t *volumes, struct err *e)
{
    const char *name;
    json_t *value;

    if (volumes == NULL)
        return 0;
    if (!json_is_object(volumes) || json_object_size(volumes) > VOLUMES_MAX)
        return err_set(e, ERR_SYNTAX, "\"volumes\": expected at most %d names with GUIDs",
                       VOLUMES_MAX);
    system->volumes = calloc(json_object_size(volumes) + 1, sizeof(*system->volumes));
    if (system->volumes == NULL)
        return err_no_memory(e);
    json_object_foreach(volumes, name, value)
    {
        struct record_volume *volume = &system->volumes[system->n_volumes];

        if (!name_is_valid(name) || !json_is_string(value) ||
            guid_parse(json_string_value(value), &volume->partition, e) < 0)
            return err_set(e, ERR_SYNTAX, "\"volumes\": expected names with GUIDs");
        volume->name = strdup(name);
        if (volume->name == NULL)
            return err_no_memory(e);
        system->n_volumes++;
    }
    return 0;
}

static int read_system(struct record *record, json_t *object, struct err *e)
{
    static const char *const lists[] = {"volumes", NULL};
    const json_t *name = json_object_get(object, "name");
    struct record_system *system;

    if (!json_is_object(object))
        return err_set(e, ERR_SYNTAX, "expected an object");
    if (!json_is_string(name))
        return err_set(e, ERR_SYNTAX, "\"name\": expected a name");
    if (record_system(record, json_string_value(name)) != NULL)
        return err_set(e, ERR_SYNTAX, "\"name\": an earlier system has it");
    system = record_add_system(record, json_string_value(name), e);
    if (system == NULL)
        return -1;
    if (members_read(system_members, COUNT(system_members), object, system, e) < 0 ||
        read_volumes(system, json_object_get(object, "volumes"), e) < 0)
        return -1;
    return members_unknown(system_members, COUNT(system_members), lists, object, &system->unknown,
                           e);
}

/* How often the record says that a partition is somebody's. */
static size_t count_uses(const struct record *record, const struct guid *partition)
{
    size_t uses = 0;

    for (size_t i = 0; i < record->n_systems; i++) {
        const struct record_system *system = &record->systems[i];

        uses += guid_equal(&system->root, partition);
        for (size_t k = 0; k < system->n_volumes; k++)
            uses += guid_equal(&system->volumes[k].partition, partition);
    }
    return uses;
}

/* A partition belongs to one system, and once. */
static int check_partitions(const struct record *record, struct err *e)
{
    for (size_t i = 0; i < record->n_systems; i++) {
        const struct record_system *system = &record->systems[i];
        bool twice = count_uses(record, &system->root) > 1;

        for (size_t k = 0; k < system->n_volumes && !twice; k++)
            twice = count_uses(record, &system->volumes[k].partition) > 1;
        if (twice)
            return err_set(e, ERR_SYNTAX, "a partition of \"%s\" is named twice", system->name);
    }
    return 0;
}

static int read_systems(struct record *record, const json_t *systems, struct err *e)
{
    if (systems == NULL)
        return err_set(e, ERR_SYNTAX, "\"systems\" is missing");
    if (!json_is_array(systems) || json_array_size(systems) > SYSTEMS_MAX)
        return err_set(e, ERR_SYNTAX, "\"systems\": expected a list of at most %d", SYSTEMS_MAX);
    for (size_t i = 0; i < json_array_size(systems); i++)
        if (read_system(record, json_array_get(systems, i), e) < 0)
            return err_wrap(e, "system %zu", i + 1);
    return check_partitions(record, e);
}

static int read_order(struct record *record, const json_t *order, struct err *e)
{
    if (order == NULL)
        return 0;
    if (!json_is_array(order) || json_array_size(order) > ORDER_MAX)
        return err_set(e, ERR_SYNTAX, "\"menu-order\": expected a list of at most %d names",
                       ORDER_MAX);
    record->menu_order = calloc(json_array_size(order) + 1, sizeof(char *));
    if (record->menu_order == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < json_array_size(order); i++) {
        const char *name = json_string_value(json_array_get(order, i));

        if (name == NULL || !name_is_valid(name))
            return err_set(e, ERR_SYNTAX, "\"menu-order\": expected names only");
        record->menu_order[i] = strdup(name);
        if (record->menu_order[i] == NULL)
            return err_no_memory(e);
        record->n_menu_order++;
    }
    return 0;
}

static int read_work(struct record *record, json_t *object, struct err *e)
{
    static const char *const lists[] = {NULL};
    struct record_work *work;

    if (object == NULL)
        return 0;
    if (!json_is_object(object))
        return err_set(e, ERR_SYNTAX, "\"work\": expected an object");
    record->work = work = calloc(1, sizeof(*work));
    if (work == NULL)
        return err_no_memory(e);
    if (members_read(work_members, COUNT(work_members), object, work, e) < 0 ||
        members_unknown(work_members, COUNT(work_members), lists, object, &work->unknown, e) < 0)
        return err_wrap(e, "\"work\"");
    return 0;
}

static int read_record(struct record *record, json_t *object, struct err *e)
{
    static const char *const lists[] = {"systems", "menu-order", "work", NULL};

    if (!json_is_object(object))
        return err_set(e, ERR_SYNTAX, "expected an object");
    if (members_read(record_members, COUNT(record_members), object, record, e) < 0)
        return -1;
    if (record->needs > record->level)
        return err_set(e, ERR_SYNTAX, "\"needs\" is %d, more than its own level %d", record->needs,
                       record->level);
    if (read_systems(record, json_object_get(object, "systems"), e) < 0 ||
        read_order(record, json_object_get(object, "menu-order"), e) < 0 ||
        read_work(record, json_object_get(object, "work"), e) < 0)
        return -1;
    return members_unknown(record_members, COUNT(record_members), lists, object, &record->unknown,
                           e);
}

struct record *record_parse(const char *text, size_t len, struct err *e)
{
    _cleanup_record_ struct record *record = NULL;
    _cleanup_json_ json_t *object = NULL;
    json_error_t error;

    if (len > TEXT_MAX) {
        err_set(e, ERR_SYNTAX, "the record is larger than %d bytes", TEXT_MAX);
        return NULL;
    }
    object = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL) {
        err_set(e, ERR_SYNTAX, "the record is not JSON at line %d, column %d", error.line,
                error.column);
        return NULL;
    }
    record = record_new(e);
    if (record == NULL)
        return NULL;
    if (read_record(record, object, e) < 0) {
        err_wrap(e, "the record");
        if (record->needs > RECORD_LEVEL)
            err_hint(e, "a later berth wrote it: use that one");
        return NULL;
    }
    return steal(record);
}

/* ---- writing ---- */

static int write_volumes(const struct record_system *system, json_t *object, struct err *e)
{
    _cleanup_json_ json_t *volumes = json_object();

    for (size_t i = 0; i < system->n_volumes; i++) {
        const struct record_volume *volume = &system->volumes[i];
        char text[GUID_TEXT];

        if (!name_is_valid(volume->name) || json_object_get(volumes, volume->name) != NULL)
            return err_set(e, ERR_FAILED, "\"volumes\": expected names, each of them once");
        if (member_add(volumes, volume->name, json_string(guid_print(&volume->partition, text)),
                       e) < 0)
            return -1;
    }
    return member_add(object, "volumes", steal(volumes), e);
}

/* A reference to an object with the system, handed to the caller; NULL with the err filled. */
static json_t *write_system(const struct record_system *system, struct err *e)
{
    _cleanup_json_ json_t *object = json_object();

    if (members_write(system_members, COUNT(system_members), system, object, e) < 0 ||
        write_volumes(system, object, e) < 0)
        return NULL;
    if (system->unknown != NULL && json_object_update_missing(object, system->unknown) < 0) {
        err_no_memory(e);
        return NULL;
    }
    return steal(object);
}

static int write_systems(const struct record *record, json_t *object, struct err *e)
{
    _cleanup_json_ json_t *systems = json_array();

    if (record->n_systems > SYSTEMS_MAX)
        return err_set(e, ERR_FAILED, "more than %d systems", SYSTEMS_MAX);
    for (size_t i = 0; i < record->n_systems; i++) {
        json_t *system = write_system(&record->systems[i], e);

        if (system == NULL)
            return err_wrap(e, "system %zu", i + 1);
        if (json_array_append_new(systems, system) < 0)
            return err_no_memory(e);
    }
    return member_add(object, "systems", steal(systems), e);
}

static int write_order(const struct record *record, json_t *object, struct err *e)
{
    _cleanup_json_ json_t *order = json_array();

    for (size_t i = 0; i < record->n_menu_order; i++) {
        if (!name_is_valid(record->menu_order[i]))
            return err_set(e, ERR_FAILED, "\"menu-order\": expected names only");
        if (json_array_append_new(order, json_string(record->menu_order[i])) < 0)
            return err_no_memory(e);
    }
    return member_add(object, "menu-order", steal(order), e);
}

static int write_work(const struct record *record, json_t *object, struct err *e)
{
    const struct record_work *work = record->work;
    _cleanup_json_ json_t *member = json_object();

    if (work == NULL)
        return 0;
    if (members_write(work_members, COUNT(work_members), work, member, e) < 0)
        return err_wrap(e, "\"work\"");
    if (work->unknown != NULL && json_object_update_missing(member, work->unknown) < 0)
        return err_no_memory(e);
    return member_add(object, "work", steal(member), e);
}

/* A reference to an object with the record, handed to the caller; NULL with the err filled. */
static json_t *write_record(const struct record *record, struct err *e)
{
    _cleanup_json_ json_t *object = json_object();

    if (members_write(record_members, COUNT(record_members), record, object, e) < 0 ||
        write_order(record, object, e) < 0 || write_work(record, object, e) < 0 ||
        write_systems(record, object, e) < 0)
        return NULL;
    if (record->unknown != NULL && json_object_update_missing(object, record->unknown) < 0) {
        err_no_memory(e);
        return NULL;
    }
    return steal(object);
}

char *record_print(const struct record *record, struct err *e)
{
    _cleanup_json_ json_t *object = write_record(record, e);
    _cleanup_free_ char *text = NULL;

    if (object == NULL) {
        err_wrap(e, "the record");
        return NULL;
    }
    text = json_dumps(object, JSON_INDENT(2));
    if (text == NULL) {
        err_no_memory(e);
        return NULL;
    }
    return io_format(e, "%s\n", text);
}

bool record_equal(const struct record *a, const struct record *b)
{
    struct err ignored;
    _cleanup_json_ json_t *left = write_record(a, &ignored);
    _cleanup_json_ json_t *right = write_record(b, &ignored);

    if (left == NULL || right == NULL)
        return false;
    json_object_del(left, "generation");
    json_object_del(right, "generation");
    return json_equal(left, right) == 1;
}

struct record *record_copy(const struct record *record, struct err *e)
{
    _cleanup_free_ char *text = record_print(record, e);

    return text == NULL ? NULL : record_parse(text, strlen(text), e);
}
