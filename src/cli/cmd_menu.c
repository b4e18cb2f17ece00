// SPDX-License-Identifier: GPL-3.0-or-later
/* cmd_menu.c: berth menu show, default, next. */
#include "apply/observe.h"
#include "bootmenu/menu.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/text.h"
#include "core/cleanup.h"
#include "flow/menu.h"

#include <string.h>

static int print_json(const struct record *record, const struct menu *menu, const char *next,
                      struct err *e)
{
    json_t *entries = json_array(), *top;

    for (size_t i = 0; i < menu->n; i++)
        json_array_append_new(entries,
                              json_pack("{s:s, s:s}", "name", menu->entries[i].system->name,
                                        "title", menu->entries[i].title));
    top = json_pack("{s:s?, s:o, s:s?, s:i, s:I, s:o}", "default", menu->default_name, "next",
                    cli_text_json(next), "work", menu->work != NULL ? menu->work->text : NULL,
                    "timeout", record->menu_timeout, "generation", (json_int_t)record->generation,
                    "entries", entries);
    return top == NULL ? err_no_memory(e) : cli_print_json("menu", top, e);
}

static void print_timeout(int timeout)
{
    if (timeout < 0)
        printf("waits for a choice\n");
    else if (timeout == 0)
        printf("boots at once\n");
    else
        printf("boots after %d seconds\n", timeout);
}

static void print_text(const struct record *record, const struct menu *menu, const char *next)
{
    for (size_t i = 0; i < menu->n; i++) {
        const char *name = menu->entries[i].system->name;
        _cleanup_free_ char *title = text_safe(menu->entries[i].title);

        printf("%c %s%s\n",
               menu->default_name != NULL && strcmp(name, menu->default_name) == 0 ? '*' : ' ',
               title != NULL ? title : name,
               next != NULL && strcmp(next, name) == 0 ? "  (next start only)" : "");
    }
    if (menu->work != NULL) {
        _cleanup_free_ char *work = text_safe(menu->work->text);

        printf("%c finish: %s%s\n", menu_is_work(menu->default_name) ? '*' : ' ',
               work != NULL ? work : "", menu_is_work(next) ? "  (next start only)" : "");
    }
    print_timeout(record->menu_timeout);
}

const struct option_row cmd_menu_show_options[] = {
    ROW_COMMON("disk"),
    ROW_END,
};

int cmd_menu_show(struct cli *cli, int argc, char **argv, struct err *e)
{
    _cleanup_record_ struct record *record = NULL;
    _cleanup_free_ char *path = NULL, *next = NULL;
    _cleanup_menu_ struct menu menu = {0};

    if (options_parse(cli, argc, argv, NULL, e) < 0 ||
        observe_default_disk(cli->disk, &path, e) < 0 || menu_read(path, &record, &next, e) < 0 ||
        menu_entries(record, &menu, e) < 0)
        return -1;
    if (cli->json)
        return print_json(record, &menu, next, e);
    print_text(record, &menu, next);
    return 0;
}

struct change_options {
    const char *name;
};

/* Both changes of the menu differ only in what they call. */
static int change(struct cli *cli, int argc, char **argv,
                  int (*set)(const char *disk, const char *name, struct err *e), struct err *e)
{
    _cleanup_free_ char *path = NULL;
    struct change_options options = {0};
    const char *name;

    if (options_parse(cli, argc, argv, &options, e) < 0 ||
        observe_default_disk(cli->disk, &path, e) < 0)
        return -1;
    name = options.name;
    if (cli->dry_run) {
        printf("would make %s what boots %s on %s\n", name,
               set == menu_set_next ? "at the next start only" : "by default", path);
        return 0;
    }
    return set(path, name, e);
}

const struct option_row cmd_menu_default_options[] = {
    ROW_OPERAND("NAME", SYSTEM, offsetof(struct change_options, name),
                "the system that boots when nobody chooses"),
    ROW_COMMON("disk"),
    ROW_END,
};

int cmd_menu_default(struct cli *cli, int argc, char **argv, struct err *e)
{
    return change(cli, argc, argv, menu_set_default, e);
}

const struct option_row cmd_menu_next_options[] = {
    ROW_OPERAND("NAME", SYSTEM, offsetof(struct change_options, name),
                "the system that boots at the next start"),
    ROW_COMMON("disk"),
    ROW_END,
};

int cmd_menu_next(struct cli *cli, int argc, char **argv, struct err *e)
{
    return change(cli, argc, argv, menu_set_next, e);
}
