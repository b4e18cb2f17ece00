// SPDX-License-Identifier: GPL-3.0-or-later
/* guid.c: makes, derives, parses and prints GUIDs. */
#include "core/guid.h"
#include "core/digest.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* On-disk byte positions in the order in which the text names them. */
static const uint8_t text_order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int guid_parse(const char *text, struct guid *guid, struct err *e)
{
    const char *p = text;

    for (int i = 0; i < 16; i++) {
        int high, low;

        if ((i == 4 || i == 6 || i == 8 || i == 10) && *p++ != '-')
            break;
        high = hex_digit(p[0]);
        low = high < 0 ? -1 : hex_digit(p[1]);
        if (low < 0)
            break;
        guid->bytes[text_order[i]] = (uint8_t)(high << 4 | low);
        p += 2;
        if (i == 15 && *p == '\0')
            return 0;
    }
    return err_set(e, ERR_SYNTAX, "\"%s\" is not a GUID", text);
}

char *guid_print(const struct guid *guid, char buf[GUID_TEXT])
{
    char *p = buf;

    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        p += sprintf(p, "%02x", guid->bytes[text_order[i]]);
    }
    return buf;
}

bool guid_equal(const struct guid *a, const struct guid *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

bool guid_is_zero(const struct guid *guid)
{
    static const struct guid zero;

    return guid_equal(guid, &zero);
}

/* Byte 7 holds the version in its high half, since the third field is little-endian on disk. */
static void set_version(struct guid *guid, unsigned version)
{
    guid->bytes[7] = (uint8_t)((guid->bytes[7] & 0x0f) | version << 4);
    guid->bytes[8] = (uint8_t)((guid->bytes[8] & 0x3f) | 0x80);
}

int guid_new(struct guid *guid, struct err *e)
{
    static unsigned calls;
    const char *seed = getenv("BERTH_SEED");

    if (seed != NULL && *seed != '\0') {
        struct guid zero = {0};
        char purpose[256];

        snprintf(purpose, sizeof(purpose), "%u:%s", calls++, seed);
        guid_derive(&zero, purpose, guid);
        return 0;
    }
    if (getrandom(guid, sizeof(*guid), 0) != (ssize_t)sizeof(*guid))
        return err_errno(e, "random numbers for a GUID");
    set_version(guid, 4);
    return 0;
}

void guid_derive(const struct guid *parent, const char *purpose, struct guid *guid)
{
    unsigned char digest[DIGEST_BYTES];
    char input[16 + 256];
    size_t len = strnlen(purpose, 256);

    memcpy(input, parent->bytes, 16);
    memcpy(input + 16, purpose, len);
    digest_of(input, 16 + len, digest);
    memcpy(guid->bytes, digest, 16);
    set_version(guid, 8);
}
