// SPDX-License-Identifier: GPL-3.0-or-later
/* history.c: the history as plain data: making, adding to and freeing it. */
#include "model/history.h"
#include "core/cleanup.h"
#include "core/shell.h"
#include "model/machine.h"

#include <stdio.h>
#include <string.h>

struct history *history_new(struct err *e)
{
    struct history *history = calloc(1, sizeof(*history));

    if (history == NULL) {
        err_no_memory(e);
        return NULL;
    }
    history->level = history->needs = HISTORY_LEVEL;
    return history;
}

void history_undo_free(struct history_undo *undo)
{
    if (undo == NULL)
        return;
    for (size_t i = 0; i < undo->n_regions; i++) {
        free(undo->regions[i].after);
        free(undo->regions[i].before);
        free(undo->regions[i].began);
        free(undo->regions[i].planned);
    }
    free(undo->regions);
    free(undo->text);
    free(undo->fs);
    json_decref(undo->unknown);
    free(undo);
}

void pending_free(struct pending *pending)
{
    if (pending == NULL)
        return;
    free(pending->name);
    free(pending->fs);
    free(pending->content);
    free(pending->content_before);
    free(pending->known_by);
    free(pending->journal);
    json_decref(pending->unknown);
    free(pending);
}

static int copy_text(char **to, const char *from)
{
    *to = from != NULL ? strdup(from) : NULL;
    return from != NULL && *to == NULL ? -1 : 0;
}

struct pending *pending_elsewhere(const struct pending *pending, const char *file)
{
    struct pending *copy = malloc(sizeof(*copy));

    if (copy == NULL)
        return NULL;
    *copy = *pending;
    copy->name = copy->fs = copy->journal = copy->content = copy->content_before = NULL;
    copy->known_by = NULL;
    copy->unknown = NULL;
    if (copy_text(&copy->name, pending->name) == 0 && copy_text(&copy->fs, pending->fs) == 0 &&
        copy_text(&copy->journal, file) == 0)
        return copy;
    pending_free(copy);
    return NULL;
}

struct pending_command pending_command(const struct pending *pending, const char *path,
                                       const char *journal)
{
    const char *file = pending->journal != NULL ? pending->journal : journal;
    struct pending_command command;

    snprintf(command.text, sizeof(command.text), "berth disk finish %s%s%s", shell_quote(path).text,
             file != NULL ? " --journal " : "", file != NULL ? shell_quote(file).text : "");
    return command;
}

void history_free(struct history *history)
{
    if (history == NULL)
        return;
    for (size_t i = 0; i < history->n; i++)
        free(history->entries[i].text);
    free(history->entries);
    history_undo_free(history->undo);
    history_undo_free(history->begun);
    pending_free(history->pending);
    while (history->n_left > 0)
        history_drop_left(history, history->n_left - 1);
    free(history->left);
    free(history->left_table);
    json_decref(history->unknown);
    free(history);
}

void history_cleanup(struct history **history)
{
    history_free(*history);
}

char *history_line(const char *text)
{
    size_t n = strnlen(text, HISTORY_TEXT_MOST + 1);
    char *line;

    if (n > HISTORY_TEXT_MOST)
        for (n = HISTORY_TEXT_MOST; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80; n--)
            continue;
    line = strndup(text, n);
    if (line == NULL)
        return NULL;
    text_make_line(line);
    return line;
}

int history_add(struct history *history, uint64_t time, const char *text, bool changes_disk,
                struct err *e)
{
    _cleanup_free_ char *line = history_line(text);
    struct history_entry *entries =
        reallocarray(history->entries, history->n + 1, sizeof(*entries));

    if (entries == NULL)
        return err_no_memory(e);
    history->entries = entries;
    if (line == NULL)
        return err_no_memory(e);
    entries[history->n++] = (struct history_entry){time, changes_disk, steal(line)};
    if (history->n > HISTORY_MOST) {
        free(entries[0].text);
        memmove(entries, entries + 1, --history->n * sizeof(*entries));
    }
    return 0;
}

void history_drop_left(struct history *history, size_t i)
{
    free(history->left[i].digest);
    history->n_left--;
    memmove(history->left + i, history->left + i + 1,
            (history->n_left - i) * sizeof(*history->left));
}

int history_add_left(struct history *history, const struct history_left *left, struct err *e)
{
    struct history_left *grown =
        reallocarray(history->left, history->n_left + 1, sizeof(*history->left));

    if (grown == NULL)
        return err_no_memory(e);
    history->left = grown;
    grown[history->n_left] = *left;
    grown[history->n_left].digest = strdup(left->digest);
    if (grown[history->n_left].digest == NULL)
        return err_no_memory(e);
    if (++history->n_left > HISTORY_LEFT_MOST)
        history_drop_left(history, 0);
    return 0;
}
