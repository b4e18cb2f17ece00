// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * machine_value.c: what one scalar of a machine file may be, one const value for each form.
 *
 * These texts end up in shell scripts, fstab, passwd and a boot menu of other systems: a form lets
 * through what its destination understands, and the destination still quotes.
 */
#include "model/machine_value.h"
#include "core/size.h"
#include "model/machine.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_MIN  (64 * MIB) /* a stock kernel and its initrd need about this much to unpack */
#define CPUS_MAX    64
#define TIMEOUT_MAX 3600
#define ACCOUNT_MAX 31
#define HOST_MAX    64 /* HOST_NAME_MAX of Linux */

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
static const char digits[] = "0123456789";

static bool is_word(const char *const *words, const char *text)
{
    for (; words != NULL && *words != NULL; words++)
        if (strcmp(*words, text) == 0)
            return true;
    return false;
}

bool machine_value_is_text(const struct machine_value *value)
{
    return value->valid != NULL || value->words != NULL;
}

bool machine_value_accepts(const struct machine_value *value, const char *text, void *member)
{
    if (value->valid != NULL)
        return value->valid(text);
    if (value->words != NULL)
        return is_word(value->words, text);
    return value->parse(text, member);
}

bool machine_value_is_later(const struct machine_value *value, const char *text)
{
    return is_word(value->later, text);
}

/* True when text is not empty and consists of letters, digits and the others. */
static bool consists_of(const char *text, const char *others)
{
    size_t n = 0;

    while (text[n] != '\0' && (strchr(letters, text[n]) != NULL ||
                               strchr(digits, text[n]) != NULL || strchr(others, text[n]) != NULL))
        n++;
    return n > 0 && text[n] == '\0';
}

/* A decimal number, nothing else around it. */
static bool parse_number(const char *text, long min, long max, long *number)
{
    const char *first = *text == '-' ? text + 1 : text;

    if (*first == '\0' || strlen(first) > 9 || strspn(first, digits) != strlen(first))
        return false;
    *number = strtol(text, NULL, 10);
    return *number >= min && *number <= max;
}

/* ---- the format's version ---- */

static bool version_parse(const char *text, void *member)
{
    (void)member;
    return strcmp(text, "1") == 0;
}

static bool version_format(const void *member, char *text, size_t len)
{
    (void)member;
    snprintf(text, len, "1");
    return true;
}

const struct machine_value value_version = {
    .expected = "1, the version of the format that this berth reads",
    .parse = version_parse,
    .format = version_format,
};

/* ---- text ---- */

static bool text_valid(const char *text)
{
    return *text != '\0' && text_is_line(text);
}

static bool script_valid(const char *text)
{
    (void)text;
    return true;
}

const struct machine_value value_name = {
    .expected = "a name: a lower-case letter, then up to 30 letters, digits or -",
    .valid = name_is_valid,
};
const struct machine_value value_text = {
    .expected = "text on one line, without control characters",
    .valid = text_valid,
};
const struct machine_value value_line = {
    .expected = "text on one line (or none), without control characters",
    .valid = text_is_line,
};
const struct machine_value value_script = {.expected = "the text of a script",
                                           .valid = script_valid};

/* ---- sizes ---- */

static bool size_value_parse(const char *text, void *member)
{
    struct err e;

    return size_parse(text, member, &e) == 0;
}

static bool size_value_format(const void *member, char *text, size_t len)
{
    return *size_print(member, text, len) != '\0';
}

static bool bytes_parse(const char *text, void *member)
{
    struct err e;

    return size_parse_bytes(text, member, &e) == 0;
}

static bool bytes_format(const void *member, char *text, size_t len)
{
    const uint64_t *bytes = member;

    size_exact(*bytes, text, len);
    return *bytes != 0;
}

static bool memory_parse(const char *text, void *member)
{
    return bytes_parse(text, member) && *(uint64_t *)member >= MEMORY_MIN;
}

const struct machine_value value_size = {
    .expected = "a size such as 512MiB, 30% or rest",
    .parse = size_value_parse,
    .format = size_value_format,
};
const struct machine_value value_bytes = {
    .expected = "a size such as 12GiB",
    .parse = bytes_parse,
    .format = bytes_format,
};
const struct machine_value value_memory = {
    .expected = "a size such as 1GiB, of 64MiB or more",
    .parse = memory_parse,
    .format = bytes_format,
};

/* ---- small numbers ---- */

static bool sector_size_parse(const char *text, void *member)
{
    if (strcmp(text, "512") != 0 && strcmp(text, "4096") != 0)
        return false;
    *(unsigned *)member = *text == '5' ? 512 : 4096;
    return true;
}

static bool cpus_parse(const char *text, void *member)
{
    long number;

    if (!parse_number(text, 1, CPUS_MAX, &number))
        return false;
    *(unsigned *)member = (unsigned)number;
    return true;
}

static bool unsigned_format(const void *member, char *text, size_t len)
{
    const unsigned *number = member;

    snprintf(text, len, "%u", *number);
    return *number != 0;
}

static bool mode_parse(const char *text, void *member)
{
    size_t n = strspn(text, "01234567");

    if (n < 3 || n > 4 || text[n] != '\0')
        return false;
    *(unsigned *)member = (unsigned)strtoul(text, NULL, 8);
    return *(unsigned *)member != 0;
}

static bool mode_format(const void *member, char *text, size_t len)
{
    const unsigned *mode = member;

    snprintf(text, len, "%04o", *mode);
    return *mode != 0;
}

static bool flag_parse(const char *text, void *member)
{
    *(bool *)member = strcmp(text, "true") == 0;
    return *(bool *)member || strcmp(text, "false") == 0;
}

static bool flag_format(const void *member, char *text, size_t len)
{
    snprintf(text, len, "true");
    return *(const bool *)member;
}

/* 0 is a timeout too, so that a flag beside the number says whether it was given. */
static bool timeout_parse(const char *text, void *member)
{
    struct machine_menu *menu = (void *)((char *)member - offsetof(struct machine_menu, timeout));
    long number;

    if (!parse_number(text, -1, TIMEOUT_MAX, &number))
        return false;
    menu->timeout = (int)number;
    menu->has_timeout = true;
    return true;
}

static bool timeout_format(const void *member, char *text, size_t len)
{
    const struct machine_menu *menu =
        (const void *)((const char *)member - offsetof(struct machine_menu, timeout));

    snprintf(text, len, "%d", menu->timeout);
    return menu->has_timeout;
}

const struct machine_value value_sector_size = {
    .expected = "512 or 4096",
    .parse = sector_size_parse,
    .format = unsigned_format,
};
const struct machine_value value_cpus = {
    .expected = "a number from 1 to 64",
    .parse = cpus_parse,
    .format = unsigned_format,
};
const struct machine_value value_mode = {
    .expected = "an octal mode such as \"0644\"",
    .parse = mode_parse,
    .format = mode_format,
};
const struct machine_value value_flag = {
    .expected = "true or false",
    .parse = flag_parse,
    .format = flag_format,
};
const struct machine_value value_timeout = {
    .expected = "seconds from 0 to 3600, or -1 to wait",
    .parse = timeout_parse,
    .format = timeout_format,
};

/* ---- one of a few words ---- */

static bool table_parse(const char *text, void *member)
{
    (void)member;
    return strcmp(text, "gpt") == 0;
}

static bool fs_parse(const char *text, void *member)
{
    enum fs_kind *fs = member;

    return fs_kind_parse(text, fs) && *fs != FS_NONE;
}

static bool fs_format(const void *member, char *text, size_t len)
{
    const enum fs_kind *fs = member;

    snprintf(text, len, "%s", fs_kind_name(*fs));
    return *fs != FS_NONE;
}

/* Nothing to format: gpt is what a file without the key means. */
const struct machine_value value_table = {
    .expected = "gpt",
    .parse = table_parse,
    .later = (const char *const[]){"mbr", NULL},
};
const struct machine_value value_fs = {
    .expected = "ext4, swap or vfat",
    .parse = fs_parse,
    .format = fs_format,
    .later = (const char *const[]){"btrfs", "xfs", "ntfs", "ext2", "ext3", "f2fs", NULL},
};
const struct machine_value value_type = {
    .expected = "esp, bios-boot, linux or swap",
    .words = (const char *const[]){"esp", "bios-boot", "linux", "swap", NULL},
};
const struct machine_value value_net = {
    .expected = "user or none (nothing else is supported yet)",
    .words = (const char *const[]){"user", "none", NULL},
};
const struct machine_value value_engine = {
    .expected = "auto, kvm or qemu",
    .words = (const char *const[]){"auto", "kvm", "qemu", NULL},
};
const struct machine_value value_console = {
    .expected = "vga or serial",
    .words = (const char *const[]){"vga", "serial", NULL},
};

/* ---- what goes into an installed system ---- */

/* RFC 1123 section 2.1, within what Linux takes. */
static bool hostname_valid(const char *text)
{
    size_t label = 0;

    if (*text == '\0' || strlen(text) > HOST_MAX)
        return false;
    for (const char *p = text;; p++) {
        if (*p == '.' || *p == '\0') {
            if (label == 0 || label > 63 || p[-1] == '-')
                return false;
            if (*p == '\0')
                return true;
            label = 0;
        } else if (isascii(*p) && (isalnum((unsigned char)*p) || (*p == '-' && label > 0))) {
            label++;
        } else {
            return false;
        }
    }
}

static bool timezone_valid(const char *text)
{
    return consists_of(text, "_+-/") && *text != '/' && text[strlen(text) - 1] != '/' &&
           strstr(text, "//") == NULL;
}

static bool locale_valid(const char *text)
{
    return consists_of(text, "_.@-") && *text != '.' && *text != '-';
}

static bool keyboard_valid(const char *text)
{
    return *text != '\0' && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_,-") == strlen(text);
}

/* crypt(5): every method in use begins with $. A plain password, the likely mistake, does not. */
static bool hash_valid(const char *text)
{
    return text[0] == '$' && strchr(text + 1, '$') != NULL && strchr(text, ':') == NULL &&
           strchr(text, ' ') == NULL && text_is_line(text);
}

/* As Debian's adduser has it. root is there already, locked or with root-password-hash. */
static bool account_valid(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-");

    return n > 0 && n <= ACCOUNT_MAX && text[n] == '\0' && (islower(text[0]) || text[0] == '_') &&
           strcmp(text, "root") != 0;
}

/* Absolute, below "/", and written in one way only: no empty, "." or ".." component. */
static bool path_valid(const char *text)
{
    if (*text != '/' || !text_is_line(text))
        return false;
    while (*text == '/') {
        size_t n = strcspn(++text, "/");

        if (n == 0 || n > 255 || (n == 1 && text[0] == '.') ||
            (n == 2 && text[0] == '.' && text[1] == '.'))
            return false;
        text += n;
    }
    return true;
}

const struct machine_value value_hostname = {
    .expected = "a host name: labels of letters, digits and - with dots between, at most 64 in all",
    .valid = hostname_valid,
};
const struct machine_value value_timezone = {
    .expected = "a time zone such as UTC or Europe/Berlin",
    .valid = timezone_valid,
};
const struct machine_value value_locale = {
    .expected = "a locale such as C.UTF-8",
    .valid = locale_valid,
};
const struct machine_value value_keyboard = {
    .expected = "a keyboard layout such as us",
    .valid = keyboard_valid,
};
const struct machine_value value_hash = {
    .expected = "a hash that begins with $, such as mkpasswd prints, not a password",
    .valid = hash_valid,
    .secret = true,
};
const struct machine_value value_account = {
    .expected = "a user or group name: [a-z_][a-z0-9_-]*, up to 31 characters, not root",
    .valid = account_valid,
};
const struct machine_value value_path = {
    .expected = "an absolute path without . or .. in it",
    .valid = path_valid,
};
