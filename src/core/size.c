// SPDX-License-Identifier: GPL-3.0-or-later
/* size.c: parses and prints amounts of bytes. Pure. */
#include "core/size.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char units[] = "KMGTPE";

uint64_t round_up(uint64_t value, uint64_t unit)
{
    return round_down(value + unit - 1, unit);
}

uint64_t round_down(uint64_t value, uint64_t unit)
{
    return value - value % unit;
}

unsigned number_parse(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long long number;

    if (digits == 0 || digits > 10 || text[digits] != '\0' || *text == '0')
        return 0;
    number = strtoull(text, NULL, 10);
    return number <= UINT32_MAX ? (unsigned)number : 0;
}

/* The factor of a suffix ("", "B", "M", "MiB", "MB"), or 0 when it is none. */
static uint64_t suffix_factor(const char *s)
{
    const char *unit;
    uint64_t base = 1024, factor = 1;

    if (*s == '\0' || strcasecmp(s, "B") == 0)
        return 1;
    unit = strchr(units, toupper((unsigned char)*s));
    if (unit == NULL)
        return 0;
    if (strcasecmp(s + 1, "B") == 0)
        base = 1000;
    else if (s[1] != '\0' && strcasecmp(s + 1, "iB") != 0)
        return 0;
    for (long i = 0; i <= unit - units; i++)
        factor *= base;
    return factor;
}

/* value * factor for a decimal number in text up to end; fractions are allowed ("1.5G"). */
static int scale(const char *text, const char *end, uint64_t factor, uint64_t *bytes)
{
    uint64_t whole = 0, part = 0, divisor = 1;
    bool fraction = false;

    for (const char *p = text; p < end; p++) {
        if (*p == '.') {
            fraction = true;
        } else if (!fraction) {
            if (__builtin_mul_overflow(whole, 10, &whole) ||
                __builtin_add_overflow(whole, (uint64_t)(*p - '0'), &whole))
                return -1;
        } else if (divisor < 1000000) {
            part = part * 10 + (uint64_t)(*p - '0');
            divisor *= 10;
        }
    }
    if (__builtin_mul_overflow(whole, factor, &whole))
        return -1;
    part = (uint64_t)((unsigned __int128)part * factor / divisor);
    return __builtin_add_overflow(whole, part, bytes) || *bytes > INT64_MAX ? -1 : 0;
}

static const char *number_end(const char *text)
{
    bool dot = false;
    const char *p = text;

    if (!isdigit((unsigned char)*p))
        return NULL;
    while (isdigit((unsigned char)*p) || (*p == '.' && !dot && isdigit((unsigned char)p[1]))) {
        dot = dot || *p == '.';
        p++;
    }
    return p;
}

int size_parse_amount(const char *text, uint64_t *bytes, struct err *e)
{
    const char *end = number_end(text);
    uint64_t factor = end == NULL ? 0 : suffix_factor(*end == ' ' ? end + 1 : end);

    if (factor == 0)
        return err_set(e, ERR_SYNTAX, "\"%s\" is not a size (such as 512MiB or 20G)", text);
    if (scale(text, end, factor, bytes) < 0)
        return err_set(e, ERR_SYNTAX, "the size \"%s\" is too large", text);
    return 0;
}

int size_parse_bytes(const char *text, uint64_t *bytes, struct err *e)
{
    if (size_parse_amount(text, bytes, e) < 0)
        return -1;
    if (*bytes == 0)
        return err_set(e, ERR_SYNTAX, "the size \"%s\" is zero", text);
    return 0;
}

int size_parse(const char *text, struct size *size, struct err *e)
{
    const char *end;

    if (strcmp(text, "rest") == 0) {
        *size = (struct size){.kind = SIZE_REST};
        return 0;
    }
    end = number_end(text);
    if (end != NULL && strcmp(end, "%") == 0) {
        size->kind = SIZE_PERCENT;
        if (scale(text, end, 100, &size->value) < 0 || size->value == 0 || size->value > 10000)
            return err_set(e, ERR_SYNTAX, "\"%s\" is not a percentage from 0.01%% to 100%%", text);
        return 0;
    }
    size->kind = SIZE_BYTES;
    if (size_parse_bytes(text, &size->value, e) < 0)
        return end == NULL ? err_set(e, ERR_SYNTAX,
                                     "\"%s\" is not a size (512MiB, 20G, 30%% or rest)", text)
                           : -1;
    return 0;
}

char *size_exact(uint64_t bytes, char *buf, size_t len)
{
    int unit = 0;

    while (unit < 6 && bytes != 0 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    if (unit == 0)
        snprintf(buf, len, "%lluB", (unsigned long long)bytes);
    else
        snprintf(buf, len, "%llu%ciB", (unsigned long long)bytes, units[unit - 1]);
    return buf;
}

char *size_human(uint64_t bytes, char *buf, size_t len)
{
    double value = (double)bytes;
    int unit = 0;

    while (value >= 1023.95 && unit < 6) {
        value /= 1024;
        unit++;
    }
    if (unit == 0)
        snprintf(buf, len, "%llu B", (unsigned long long)bytes);
    else
        snprintf(buf, len, value == (double)(uint64_t)value ? "%.0f %ciB" : "%.1f %ciB", value,
                 units[unit - 1]);
    return buf;
}

char *size_print(const struct size *size, char *buf, size_t len)
{
    switch (size->kind) {
    case SIZE_BYTES:
        return size_exact(size->value, buf, len);
    case SIZE_PERCENT:
        snprintf(buf, len, size->value % 100 ? "%llu.%02llu%%" : "%llu%%",
                 (unsigned long long)size->value / 100, (unsigned long long)size->value % 100);
        return buf;
    case SIZE_REST:
        snprintf(buf, len, "rest");
        return buf;
    case SIZE_NONE:
        break;
    }
    buf[0] = '\0';
    return buf;
}
