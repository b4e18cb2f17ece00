// SPDX-License-Identifier: GPL-3.0-or-later
/* settings.c: hashes settings, and compares the hashes key by key. */
#include "intent/settings.h"
#include "core/cleanup.h"
#include "core/digest.h"

#include <string.h>

#define HASH_BYTES 6 /* enough to see a difference, too little to find a value from */

struct collector {
    FILE *out;
    const struct guid *salt;
    bool any;
};

static int collect(void *arg, const char *key, const char *text, struct err *e)
{
    struct collector *c = arg;
    unsigned char digest[DIGEST_BYTES];
    size_t len = strlen(text);
    _cleanup_free_ unsigned char *salted = malloc(sizeof(*c->salt) + len);

    if (salted == NULL)
        return err_no_memory(e);
    memcpy(salted, c->salt->bytes, sizeof(*c->salt));
    memcpy(salted + sizeof(*c->salt), text, len);
    digest_of(salted, sizeof(*c->salt) + len, digest);
    fprintf(c->out, "%s%s=", c->any ? " " : "", key);
    for (size_t i = 0; i < HASH_BYTES; i++)
        fprintf(c->out, "%02x", digest[i]);
    c->any = true;
    return 0;
}

char *settings_of(const struct machine_system *system, const struct guid *salt, struct err *e)
{
    char *text = NULL;
    size_t len;
    struct collector c = {open_memstream(&text, &len), salt, false};
    int result;

    if (c.out == NULL) {
        err_no_memory(e);
        return NULL;
    }
    result = machine_each_setting(system, collect, &c, e);
    fclose(c.out);
    if (result < 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* True when the list has that very "key=hash" word. */
static bool has_word(const char *list, const char *word, size_t len)
{
    for (const char *p = list; (p = strstr(p, word)) != NULL; p++)
        if ((p == list || p[-1] == ' ') && (p[len] == ' ' || p[len] == '\0'))
            return true;
    return false;
}

static bool names_key(const char *list, const char *word, size_t key_len)
{
    for (const char *p = list; *p != '\0'; p++)
        if ((p == list || p[-1] == ' ') && strncmp(p, word, key_len) == 0 && p[key_len] == '=')
            return true;
    return false;
}

/* Writes the keys of a whose words are not in b, but for those that are `seen` keys of another. */
static void write_missing(const char *a, const char *b, const char *seen, FILE *out, bool *any)
{
    while (*a != '\0') {
        size_t len = strcspn(a, " "), key_len = strcspn(a, "=");
        char word[128];

        snprintf(word, sizeof(word), "%.*s", (int)len, a);
        if (!has_word(b, word, strlen(word)) && !names_key(seen, a, key_len)) {
            fprintf(out, "%s%.*s", *any ? ", " : "", (int)key_len, a);
            *any = true;
        }
        a += len + (a[len] == ' ');
    }
}

char *settings_difference(const char *made, const char *wanted)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    bool any = false;

    if (out == NULL)
        return NULL;
    made = made != NULL ? made : "";
    wanted = wanted != NULL ? wanted : "";
    write_missing(wanted, made, "", out, &any);
    write_missing(made, wanted, wanted, out, &any);
    fclose(out);
    if (!any) {
        free(text);
        return NULL;
    }
    return text;
}
