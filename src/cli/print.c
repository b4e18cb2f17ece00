// SPDX-License-Identifier: GPL-3.0-or-later
/* print.c: JSON, tables and colours on standard output, and what goes to a file instead. */
#include "cli/cli.h"
#include "cli/table.h"
#include "core/io.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int cli_set_color(struct cli *cli, struct err *e)
{
    const char *when = cli->color_when;

    if (when == NULL || strcmp(when, "auto") == 0)
        return 0;
    if (*when != '\0' && strcmp(when, "always") != 0 && strcmp(when, "never") != 0)
        return err_set(e, ERR_USAGE, "--color=%s: expected always, never or auto", when);
    cli->color = strcmp(when, "never") != 0;
    return 0;
}

/* jansson leaves DEL as it is; in a JSON text it can only be part of a string. */
static int write_json(const char *buffer, size_t size, void *out)
{
    for (size_t i = 0; i < size; i++)
        if ((buffer[i] == 0x7f ? fputs("\\u007f", out) : putc(buffer[i], out)) == EOF)
            return -1;
    return 0;
}

int cli_dump_json(json_t *top, struct err *e)
{
    /* U+009B and its like are commands to a terminal; a file may have them as they are */
    size_t flags = JSON_INDENT(2) | (isatty(STDOUT_FILENO) ? JSON_ENSURE_ASCII : 0);
    int result;

    if (top == NULL)
        return err_no_memory(e);
    result = json_dump_callback(top, write_json, stdout, flags);
    json_decref(top);
    if (result == 0)
        putchar('\n');
    return result == 0 ? 0 : err_errno(e, "standard output");
}

int cli_print_json(const char *key, json_t *value, struct err *e)
{
    json_t *top = value != NULL ? json_pack("{s:i, s:o}", "berth-json", 1, key, value) : NULL;

    return cli_dump_json(top, e);
}

json_t *cli_text_json(const char *text)
{
    json_t *json = text != NULL ? json_string(text) : json_null();
    char *ascii = json == NULL ? strdup(text) : NULL;

    for (char *p = ascii; p != NULL && *p != '\0'; p++)
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    if (ascii != NULL)
        json = json_string(ascii);
    free(ascii);
    return json;
}

/* True when standard output is a pipe or a socket whose other end is closed. */
static bool is_unread(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

    return !isatty(STDOUT_FILENO) && poll(&out, 1, 0) == 1 &&
           (out.revents & (POLLERR | POLLHUP)) != 0;
}

int cli_flush(struct err *e)
{
    int result = fflush(stdout);

    if (result == 0 && !ferror(stdout))
        return 0;
    if (result != 0)
        err_errno(e, "standard output");
    else /* the buffer was full before, and why it could not be written is known no more */
        err_set(e, ERR_IO, "standard output: not all of it could be written");
    if (!is_unread())
        return -1;
    clearerr(stdout);
    return 0;
}

/* It may be the disk itself, or the only backup. */
int cli_write_file(const struct cli *cli, const char *file, const char *text, struct err *e)
{
    if (file == NULL) {
        fputs(text, stdout);
        return 0;
    }
    if (access(file, F_OK) == 0) {
        err_set(e, ERR_REFUSED, "%s exists, and is not overwritten", file);
        return err_hint(e, "remove it first, or take another name");
    }
    if (cli->dry_run) {
        printf("would write %s\n", file);
        return 0;
    }
    return io_replace_file(file, text, strlen(text), 0644, e);
}

int cli_print_table(const char *const *headings, size_t columns, char *const *cells, size_t rows,
                    struct err *e)
{
    _cleanup_table_view_ struct table_view *view = table_view_new(e);

    if (view == NULL)
        return -1;
    for (size_t c = 0; c < columns; c++)
        if (table_view_column(view, headings[c], false, false, e) < 0)
            return -1;
    for (size_t r = 0; r < rows; r++) {
        if (table_view_row(view, e) < 0)
            return -1;
        for (size_t c = 0; c < columns; c++)
            if (table_view_cell(view, c, cells[r * columns + c], e) < 0)
                return -1;
    }
    return table_view_print(view, e);
}

int cli_sector(const struct cli *cli, unsigned *sector, struct err *e)
{
    *sector = 0;
    if (cli->sector_size == NULL)
        return 0;
    if (strcmp(cli->sector_size, "512") != 0 && strcmp(cli->sector_size, "4096") != 0)
        return err_set(e, ERR_USAGE, "--sector-size %s: expected 512 or 4096", cli->sector_size);
    *sector = (unsigned)strtoul(cli->sector_size, NULL, 10);
    return 0;
}
