// SPDX-License-Identifier: GPL-3.0-or-later
/* menu.c: opens the ESP of a disk for one change. */
#include "flow/menu.h"
#include "apply/esp_access.h"
#include "apply/observe.h"
#include "core/cleanup.h"

#include <string.h>

/* A disk with its ESP open. */
struct session {
    struct disk *disk;
    struct survey *survey;
    struct esp_access access;
};

static void session_close(struct session *session)
{
    esp_access_close(&session->access);
    survey_free(session->survey);
    disk_close(session->disk);
}

#define _cleanup_session_ __attribute__((cleanup(session_close)))

static int claim_esp(struct session *session, const struct survey_partition *esp, struct err *e)
{
    if (disk_lock_table(session->disk, e) < 0 || disk_check_users(session->disk, e) < 0)
        return -1;
    return esp->mountpoint != NULL ? 0 : disk_claim(session->disk, esp->range, "the ESP", e);
}

static int no_menu(const char *path, struct err *e)
{
    return err_set(e, ERR_NOT_FOUND, "%s has no boot menu of berth's", path);
}

static int session_open(struct session *session, const char *path, struct err *e)
{
    const struct survey_partition *esp;

    session->disk = disk_open(path, true, 0, e);
    if (session->disk == NULL)
        return -1;
    session->survey = observe(session->disk, path, OBSERVE_RECORD, e);
    if (session->survey == NULL)
        return -1;
    esp = survey_esp(session->survey);
    if (esp == NULL)
        return no_menu(path, e);
    if (claim_esp(session, esp, e) < 0)
        return -1;
    return esp_access_open(session->disk, esp->range, esp->mountpoint, &session->access, e);
}

int menu_read(const char *disk, struct record **record, char **next, struct err *e)
{
    _cleanup_survey_ struct survey *survey = observe_path(disk, 0, OBSERVE_RECORD, e);

    if (survey == NULL)
        return -1;
    if (survey->record == NULL)
        return no_menu(disk, e);
    *record = survey->record;
    *next = survey->next;
    survey->record = NULL;
    survey->next = NULL;
    return 0;
}

static int no_such_system(const struct record *record, const char *name, struct err *e)
{
    char names[400] = "";
    size_t fill = 0;

    for (size_t i = 0; i < record->n_systems && fill < sizeof(names); i++)
        fill += (size_t)snprintf(names + fill, sizeof(names) - fill, "%s%s", i > 0 ? ", " : "",
                                 record->systems[i].name);
    err_set(e, ERR_NOT_FOUND, "the menu has no system %s", name);
    return err_hint(e, "its systems are: %s", names);
}

int menu_set_default(const char *disk, const char *name, struct err *e)
{
    _cleanup_session_ struct session session = {0};
    _cleanup_record_ struct record *record = NULL;
    char *copy;

    if (session_open(&session, disk, e) < 0 || esp_read(session.access.esp, &record, NULL, e) < 0)
        return -1;
    if (record_system(record, name) == NULL)
        return no_such_system(record, name, e);
    if (record->menu_default != NULL && strcmp(record->menu_default, name) == 0)
        return 0;
    copy = strdup(name);
    if (copy == NULL)
        return err_no_memory(e);
    free(record->menu_default);
    record->menu_default = copy;
    return esp_commit(session.access.esp, record, e);
}

int menu_set_next(const char *disk, const char *name, struct err *e)
{
    _cleanup_session_ struct session session = {0};
    _cleanup_record_ struct record *record = NULL;

    if (session_open(&session, disk, e) < 0 || esp_read(session.access.esp, &record, NULL, e) < 0)
        return -1;
    if (record_system(record, name) == NULL)
        return no_such_system(record, name, e);
    return esp_next_set(session.access.esp, name, e);
}

int menu_change(const char *disk, menu_change_fn *fn, void *arg, struct err *e)
{
    _cleanup_session_ struct session session = {0};
    _cleanup_record_ struct record *record = NULL;
    int changed;

    if (session_open(&session, disk, e) < 0 || esp_read(session.access.esp, &record, NULL, e) < 0)
        return -1;
    changed = fn(arg, session.access.esp, record, e);
    return changed <= 0 ? changed : esp_commit(session.access.esp, record, e);
}
