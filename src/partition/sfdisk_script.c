// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * sfdisk_script.c: the text of an sfdisk script as lines (sfdisk(8), "Input formats"). Pure.
 *
 * A line with a `=` has named fields, any other those without names. Header lines come before the
 * first partition. A value may be in quotation marks.
 */
#include "core/cleanup.h"
#include "core/size.h"
#include "partition/sfdisk.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

int sfdisk_at(const struct sfdisk_script *script, unsigned line, struct err *e)
{
    return err_wrap(e, "%s:%u", script->name, line);
}

static char *skip_blanks(char *p)
{
    while (*p == ' ' || *p == '\t')
        p++;
    return p;
}

static bool ends_field(char c)
{
    return c == '\0' || c == ',' || c == ';';
}

/* Takes one separator, and the blanks around it. */
static char *skip_separator(char *p)
{
    p = skip_blanks(p);
    if (*p == ',' || *p == ';')
        p++;
    return skip_blanks(p);
}

/* The value at *cursor, which moves behind it and what separates it from the next. The text is
 * changed: it ends where the value does. NULL with the err filled. */
static char *take_value(char **cursor, struct err *e)
{
    char *value = skip_blanks(*cursor), *end;

    if (*value == '"') {
        end = strchr(++value, '"');
        if (end == NULL) {
            err_set(e, ERR_SYNTAX, "the quotation mark before %s has no second one", value);
            return NULL;
        }
        *cursor = end + 1;
        if (!ends_field(*skip_blanks(*cursor)) && *skip_blanks(*cursor) == **cursor) {
            err_set(e, ERR_SYNTAX, "found \"%s\" right behind a quotation mark", *cursor);
            return NULL;
        }
    } else {
        end = value + strcspn(value, " \t,;\"");
        if (*end == '"') {
            err_set(e, ERR_SYNTAX, "found a quotation mark within %s", value);
            return NULL;
        }
        *cursor = end;
    }
    *cursor = skip_separator(*cursor);
    *end = '\0';
    return value;
}

/* Whether sfdisk's default is asked for there: nothing, or a "-" alone. Moves the cursor behind it.
 */
static bool take_default(char **cursor)
{
    char *p = skip_blanks(*cursor);

    if (*p == '-' && (ends_field(p[1]) || skip_blanks(p + 1) != p + 1))
        p++;
    else if (!ends_field(*p))
        return false;
    *cursor = skip_separator(p);
    return true;
}

/* A plain number is of sectors, in C's notation; one with a suffix of bytes. sfdisk looks at no
 * sign where it makes a partition: "+10M" says what "10M" does, but "-10M" nobody means so. */
static int parse_amount(const struct sfdisk_script *script, const char *what, const char *text,
                        struct sfdisk_amount *amount, struct err *e)
{
    uint64_t bytes;
    char *end;

    if (*text == '-') {
        err_set(e, ERR_UNSUPPORTED, "%s %s: an amount with a minus sign is not supported", what,
                text);
        return err_hint(e, "sfdisk takes it for %s %s: write that, if it is meant", what, text + 1);
    }
    snprintf(amount->text, sizeof(amount->text), "%s", text);
    text += *text == '+' ? 1 : 0;
    errno = 0;
    amount->given = true;
    amount->sectors = strtoull(text, &end, 0);
    if (isdigit((unsigned char)*text) && errno == 0 && *end == '\0')
        return 0;
    if (text[0] == '0' && text[1] != '.')
        return err_set(e, ERR_SYNTAX, "%s %s: expected a number of sectors, or one such as 10MiB",
                       what, text);
    if (size_parse_bytes(text, &bytes, e) < 0)
        return err_wrap(e, "%s", what);
    amount->aligned = true;
    amount->sectors = bytes / script->sector;
    return 0;
}

static int take_amount(const struct sfdisk_script *script, const char *what, char **cursor,
                       struct sfdisk_amount *amount, struct err *e)
{
    const char *text;

    *amount = (struct sfdisk_amount){0};
    if (take_default(cursor))
        return 0;
    text = take_value(cursor, e);
    if (text == NULL)
        return -1;
    if (strcmp(text, "+") == 0)
        return 0;
    return parse_amount(script, what, text, amount, e);
}

static int take_string(char **cursor, char **string, struct err *e)
{
    const char *text = take_value(cursor, e);

    if (text == NULL)
        return -1;
    free(*string);
    *string = strdup(text);
    return *string == NULL ? err_no_memory(e) : 0;
}

/* ---- a line of named fields ---- */

static int take_named(const struct sfdisk_script *script, struct sfdisk_line *line, char **cursor,
                      struct err *e)
{
    static const struct {
        const char *key;
        size_t string; /* offset in struct sfdisk_line */
    } strings[] = {
        {"type=", offsetof(struct sfdisk_line, type)},
        {"Id=", offsetof(struct sfdisk_line, type)},
        {"uuid=", offsetof(struct sfdisk_line, uuid)},
        {"name=", offsetof(struct sfdisk_line, name)},
        {"attrs=", offsetof(struct sfdisk_line, attrs)},
    };
    char *p = *cursor;

    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        if (strncasecmp(p, strings[i].key, strlen(strings[i].key)) != 0)
            continue;
        *cursor = p + strlen(strings[i].key);
        return take_string(cursor, (char **)(void *)((char *)line + strings[i].string), e);
    }
    if (strncasecmp(p, "start=", 6) == 0) {
        *cursor = p + 6;
        return take_amount(script, "start", cursor, &line->start, e);
    }
    if (strncasecmp(p, "size=", 5) == 0) {
        *cursor = p + 5;
        return take_amount(script, "size", cursor, &line->size, e);
    }
    if (strncasecmp(p, "bootable", 8) == 0 && !isalnum((unsigned char)p[8]) && p[8] != '=') {
        *cursor = skip_separator(p + 8);
        line->bootable = true;
        return 0;
    }
    return err_set(e, ERR_SYNTAX,
                   "found \"%s\", expected start=, size=, type=, uuid=, name=, attrs= or bootable",
                   p);
}

/* The number that a node's name ends in. */
static int node_number(const char *node, unsigned *number, struct err *e)
{
    size_t len = strlen(node), digits;
    unsigned long value;

    while (len > 0 && isblank((unsigned char)node[len - 1]))
        len--;
    for (digits = 0; digits < len && isdigit((unsigned char)node[len - digits - 1]);)
        digits++;
    if (digits == 0)
        return 0;
    value = digits > 6 ? 0 : strtoul(node + len - digits, NULL, 10);
    if (value == 0)
        return err_set(e, ERR_SYNTAX, "%.*s is no partition's number", (int)len, node);
    *number = (unsigned)value;
    return 0;
}

static int parse_named(const struct sfdisk_script *script, struct sfdisk_line *line, char *text,
                       struct err *e)
{
    char *colon = strchr(text, ':'), *p = text;

    if (colon != NULL && colon < strchr(text, '=')) {
        *colon = '\0';
        if (node_number(text, &line->number, e) < 0)
            return -1;
        p = colon + 1;
    }
    for (p = skip_blanks(p); *p != '\0';)
        if (take_named(script, line, &p, e) < 0)
            return -1;
    return 0;
}

/* ---- a line without names: start, size, type, bootable ---- */

static int take_flag(char **cursor, bool *bootable, struct err *e)
{
    const char *text;

    if (take_default(cursor))
        return 0;
    text = take_value(cursor, e);
    if (text == NULL)
        return -1;
    if (strcmp(text, "*") != 0 && strcmp(text, "+") != 0)
        return err_set(e, ERR_SYNTAX, "found \"%s\", expected \"*\" (bootable) or \"-\"", text);
    *bootable = true;
    return 0;
}

static int parse_unnamed(const struct sfdisk_script *script, struct sfdisk_line *line, char *text,
                         struct err *e)
{
    char *p = skip_blanks(text);

    if (take_amount(script, "start", &p, &line->start, e) < 0 ||
        take_amount(script, "size", &p, &line->size, e) < 0)
        return -1;
    if (!take_default(&p) && take_string(&p, &line->type, e) < 0)
        return -1;
    if (take_flag(&p, &line->bootable, e) < 0)
        return -1;
    if (*p != '\0')
        return err_set(e, ERR_SYNTAX,
                       "found \"%s\" behind the four fields start, size, type, bootable", p);
    return 0;
}

/* ---- header lines ---- */

static int header_number(const char *name, const char *value, uint64_t most, uint64_t *number,
                         struct err *e)
{
    char *end;

    errno = 0;
    *number = strtoull(value, &end, 0);
    if (!isdigit((unsigned char)*value) || errno != 0 || *end != '\0' || *number == 0 ||
        *number > most)
        return err_set(e, ERR_SYNTAX, "%s: found \"%s\", expected a number from 1 to %llu", name,
                       value, (unsigned long long)most);
    return 0;
}

static int header_label(struct sfdisk_script *script, const char *value, struct err *e)
{
    if (strcasecmp(value, "gpt") == 0)
        script->kind = TABLE_GPT;
    else if (strcasecmp(value, "dos") == 0 || strcasecmp(value, "mbr") == 0)
        script->kind = TABLE_MBR;
    else
        return err_set(e, ERR_UNSUPPORTED, "label: found \"%s\", expected gpt or dos", value);
    return 0;
}

static int header_grain(struct sfdisk_script *script, const char *value, struct err *e)
{
    char *end;

    script->grain = strtoull(value, &end, 0);
    if ((*end != '\0' || *value == '-') && size_parse_bytes(value, &script->grain, e) < 0)
        return err_wrap(e, "grain");
    if (script->grain % 512 != 0 || script->grain == 0 || script->grain > GIB)
        return err_set(e, ERR_SYNTAX, "grain: found %s, expected a multiple of 512 up to 1GiB",
                       value);
    return 0;
}

static int header_sector(const struct sfdisk_script *script, const char *value, struct err *e)
{
    uint64_t bytes;

    if (header_number("sector-size", value, 65536, &bytes, e) < 0)
        return -1;
    if (bytes == script->sector)
        return 0;
    err_set(e, ERR_UNSUPPORTED,
            "sector-size: the script counts in sectors of %llu bytes, the disk's have %u",
            (unsigned long long)bytes, script->sector);
    return bytes == 512 || bytes == 4096
               ? err_hint(e, "an image file has the sectors that --sector-size %llu says",
                          (unsigned long long)bytes)
               : -1;
}

static int parse_header(struct sfdisk_script *script, const char *name, const char *value,
                        struct err *e)
{
    if (strcmp(name, "label") == 0)
        return header_label(script, value, e);
    if (strcmp(name, "first-lba") == 0)
        return header_number(name, value, INT64_MAX, &script->first_lba, e);
    if (strcmp(name, "last-lba") == 0)
        return header_number(name, value, INT64_MAX, &script->last_lba, e);
    if (strcmp(name, "table-length") == 0)
        return header_number(name, value, TABLE_SLOTS_MAX, &script->table_length, e);
    if (strcmp(name, "grain") == 0)
        return header_grain(script, value, e);
    if (strcmp(name, "sector-size") == 0)
        return header_sector(script, value, e);
    if (strcmp(name, "unit") == 0)
        return strcmp(value, "sectors") == 0
                   ? 0
                   : err_set(e, ERR_UNSUPPORTED, "unit: found \"%s\", expected sectors", value);
    if (strcmp(name, "label-id") == 0) {
        free(script->label_id);
        script->label_id = strdup(value);
        return script->label_id == NULL ? err_no_memory(e) : 0;
    }
    if (strcmp(name, "device") == 0)
        return 0; /* berth is told the disk */
    return err_set(e, ERR_UNSUPPORTED, "there is no header \"%s\"", name);
}

/* A header has a colon and no `=`, and stands before every partition. */
static bool is_header(const struct sfdisk_script *script, const char *text)
{
    const char *colon = strchr(text, ':');

    return script->n == 0 && colon != NULL && colon != text && strchr(text, '=') == NULL;
}

static int parse_header_line(struct sfdisk_script *script, char *text, struct err *e)
{
    char *value = strchr(text, ':'), *end = value;

    while (end > text && isspace((unsigned char)end[-1]))
        end--;
    value = skip_blanks(value + 1);
    *end = '\0';
    for (end = value + strlen(value); end > value && isspace((unsigned char)end[-1]);)
        *--end = '\0';
    if (*value == '\0')
        return err_set(e, ERR_SYNTAX, "the header \"%s\" has no value", text);
    return parse_header(script, text, value, e);
}

/* ---- the text ---- */

static struct sfdisk_line *new_line(struct sfdisk_script *script, unsigned line, struct err *e)
{
    struct sfdisk_line *grown = realloc(script->lines, (script->n + 1) * sizeof(*script->lines));

    if (grown == NULL) {
        err_no_memory(e);
        return NULL;
    }
    script->lines = grown;
    grown[script->n] = (struct sfdisk_line){.line = line};
    return &grown[script->n++];
}

static int parse_line(struct sfdisk_script *script, unsigned number, char *text, struct err *e)
{
    struct sfdisk_line *line;

    text = skip_blanks(text);
    if (*text == '\0' || *text == '#')
        return 0;
    if (is_header(script, text))
        return parse_header_line(script, text, e);
    line = new_line(script, number, e);
    if (line == NULL)
        return -1;
    return strchr(text, '=') != NULL ? parse_named(script, line, text, e)
                                     : parse_unnamed(script, line, text, e);
}

int sfdisk_script_parse(const char *text, const char *name, unsigned sector,
                        struct sfdisk_script *script, struct err *e)
{
    _cleanup_free_ char *copy = strdup(text);
    unsigned number = 0;
    char *next = copy, *line;

    *script = (struct sfdisk_script){.name = name, .sector = sector};
    if (copy == NULL)
        return err_no_memory(e);
    while ((line = strsep(&next, "\n")) != NULL) {
        size_t len = strlen(line);

        number++;
        if (len > 0 && line[len - 1] == '\r')
            line[len - 1] = '\0';
        if (strcmp(line, "write") == 0)
            break; /* sfdisk's own command: what comes behind it is not read */
        if (parse_line(script, number, line, e) < 0) {
            sfdisk_at(script, number, e);
            sfdisk_script_clear(script);
            return -1;
        }
    }
    return 0;
}

void sfdisk_script_clear(struct sfdisk_script *script)
{
    for (size_t i = 0; i < script->n; i++) {
        free(script->lines[i].type);
        free(script->lines[i].uuid);
        free(script->lines[i].name);
        free(script->lines[i].attrs);
    }
    free(script->lines);
    free(script->label_id);
    *script = (struct sfdisk_script){0};
}
