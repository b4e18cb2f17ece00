// SPDX-License-Identifier: GPL-3.0-or-later
/* utf16.c: between UTF-16LE and UTF-8 (RFC 3629). Pure. Units need not be aligned. */
#include "core/utf16.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#define REPLACEMENT 0xfffd

static char *put_utf8(char *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = (char)c;
    } else if (c < 0x800) {
        *to++ = (char)(0xc0 | c >> 6);
        *to++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *to++ = (char)(0xe0 | c >> 12);
        *to++ = (char)(0x80 | (c >> 6 & 0x3f));
        *to++ = (char)(0x80 | (c & 0x3f));
    } else {
        *to++ = (char)(0xf0 | c >> 18);
        *to++ = (char)(0x80 | (c >> 12 & 0x3f));
        *to++ = (char)(0x80 | (c >> 6 & 0x3f));
        *to++ = (char)(0x80 | (c & 0x3f));
    }
    return to;
}

static bool is_surrogate(uint16_t unit, uint16_t kind)
{
    return (unit & 0xfc00) == kind;
}

static uint16_t unit_at(const void *units, size_t i)
{
    uint16_t unit;

    memcpy(&unit, (const char *)units + i * sizeof(unit), sizeof(unit));
    return le16toh(unit);
}

char *utf16_to_utf8(const void *units, size_t n, char *text)
{
    char *to = text;

    for (size_t i = 0; i < n && unit_at(units, i) != 0; i++) {
        uint16_t unit = unit_at(units, i);
        uint16_t next = i + 1 < n ? unit_at(units, i + 1) : 0;

        if (is_surrogate(unit, 0xd800) && is_surrogate(next, 0xdc00)) {
            to = put_utf8(to, 0x10000U + ((unit & 0x3ffU) << 10) + (next & 0x3ffU));
            i++;
        } else if ((unit & 0xf800) == 0xd800) {
            to = put_utf8(to, REPLACEMENT);
        } else {
            to = put_utf8(to, unit);
        }
    }
    *to = '\0';
    return text;
}

/* The character at *text, which moves behind it; -1 when it is none. No overlong form, no surrogate
 * and nothing past U+10FFFF is one. */
static int32_t next_character(const unsigned char **text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *p = *text;
    unsigned bytes = *p < 0x80 ? 1 : *p >> 5 == 6 ? 2 : *p >> 4 == 14 ? 3 : *p >> 3 == 30 ? 4 : 0;
    uint32_t c = bytes == 1 ? *p : *p & (0x7fU >> bytes);

    if (bytes == 0)
        return -1;
    for (unsigned i = 1; i < bytes; i++) {
        if (p[i] >> 6 != 2)
            return -1;
        c = c << 6 | (p[i] & 0x3fU);
    }
    if (c < least[bytes] || c > 0x10ffff || (c & 0xfffff800) == 0xd800)
        return -1;
    *text = p + bytes;
    return (int32_t)c;
}

static int put_unit(void *units, size_t room, int at, uint32_t unit)
{
    uint16_t little = htole16((uint16_t)unit);

    if ((size_t)at < room)
        memcpy((char *)units + (size_t)at * sizeof(little), &little, sizeof(little));
    return at + 1;
}

int utf16_from_utf8(const char *text, void *units, size_t room)
{
    const unsigned char *p = (const unsigned char *)text;
    int n = 0;

    memset(units, 0, room * sizeof(uint16_t));
    while (*p != '\0') {
        int32_t c = next_character(&p);

        if (c < 0)
            return -1;
        if (c < 0x10000) {
            n = put_unit(units, room, n, (uint32_t)c);
        } else {
            n = put_unit(units, room, n, 0xd800U + (uint32_t)(c - 0x10000) / 0x400);
            n = put_unit(units, room, n, 0xdc00U + (uint32_t)(c - 0x10000) % 0x400);
        }
    }
    return n;
}
