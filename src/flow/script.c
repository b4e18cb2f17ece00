// SPDX-License-Identifier: GPL-3.0-or-later
/* script.c: tells scripts from machine files, and reads them. */
#include "flow/script.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"

#include <string.h>
#include <sys/stat.h>

#define SCRIPT_MOST (4 * MIB)

/* A line of sfdisk's: "label: gpt", "unit: sectors", "start=2048, size=...", "/dev/sda1 :
 * start=...", "2048 20480 L", ",10M,L". */
static bool is_sfdisk_line(const char *line)
{
    static const char *const headers[] = {
        "label:",    "label-id:",     "unit:",        "first-lba:",
        "last-lba:", "table-length:", "sector-size:", "grain:"};

    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        if (strncmp(line, headers[i], strlen(headers[i])) == 0)
            return true;
    return strstr(line, "start=") != NULL || strstr(line, "size=") != NULL ||
           strstr(line, "type=") != NULL || strspn(line, ",;") > 0 ||
           (strspn(line, "0123456789") > 0 && strchr(line, ':') == NULL);
}

/* The first line that says anything decides. */
static bool is_sfdisk(char *text)
{
    char *rest = text, *line;

    while ((line = strsep(&rest, "\n")) != NULL) {
        line += strspn(line, " \t\r");
        if (*line != '\0' && *line != '#')
            return is_sfdisk_line(line);
    }
    return false;
}

int script_find_kind(const char *path, enum script_kind *kind, struct err *e)
{
    _cleanup_free_ char *text = NULL;
    struct stat st;

    *kind = SCRIPT_MACHINE;
    if (stat(path, &st) < 0)
        return err_errno(e, "%s", path);
    if (S_ISDIR(st.st_mode)) {
        *kind = SCRIPT_REPART;
        return 0;
    }
    if (io_read_file(path, SCRIPT_MOST, &text, NULL, e) < 0)
        return -1;
    if (is_sfdisk(text))
        *kind = SCRIPT_SFDISK;
    return 0;
}

#define MACHINE_ID_DIGITS 32

static bool is_machine_id(const char *text)
{
    return strspn(text, "0123456789abcdefABCDEF") >= MACHINE_ID_DIGITS;
}

/* The first digits, without dashes as machine-id(5) has them, in the order of a GUID's text. */
static int parse_machine_id(const char *id, struct guid *seed, struct err *e)
{
    char text[GUID_TEXT];

    snprintf(text, sizeof(text), "%.8s-%.4s-%.4s-%.4s-%.12s", id, id + 8, id + 12, id + 16,
             id + 20);
    return guid_parse(text, seed, e);
}

int script_seed(const char *text, struct guid *seed, struct err *e)
{
    _cleanup_free_ char *id = NULL;

    if (text != NULL && is_machine_id(text) && text[MACHINE_ID_DIGITS] == '\0')
        return parse_machine_id(text, seed, e);
    if (text != NULL)
        return guid_parse(text, seed, e) < 0 ? err_wrap(e, "--seed %s", text) : 0;
    if (io_read_file("/etc/machine-id", 64, &id, NULL, e) == 0) {
        if (is_machine_id(id))
            return parse_machine_id(id, seed, e);
        err_set(e, ERR_SYNTAX, "/etc/machine-id has no machine ID");
    }
    return err_hint(e, "--seed GUID says what the partitions' GUIDs are derived from");
}

int edit_script(void *arg, struct blockdev *bd, const struct table *there, struct wanted *wanted,
                struct err *e)
{
    const struct script *script = arg;
    _cleanup_free_ char *text = NULL;

    if (script->kind == SCRIPT_REPART)
        return repart_read(script->path, &script->seed, bd, there, wanted, e);
    if (io_read_file(script->path, SCRIPT_MOST, &text, NULL, e) < 0)
        return -1;
    return sfdisk_read(text, script->path, bd, there, wanted, e);
}
