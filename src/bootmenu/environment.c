// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * environment.c: reads and changes GRUB's environment blocks. A block always begins with GRUB's
 * signature and ends in "#", and stays as long as it was.
 */
#include "bootmenu/environment.h"
#include "core/cleanup.h"

#include <string.h>

static const char signature[] = "# GRUB Environment Block\n";

#define SIGNATURE_BYTES (sizeof(signature) - 1)

void environment_init(struct environment *env, size_t bytes)
{
    env->bytes = bytes;
    memset(env->block, '#', sizeof(env->block));
    memcpy(env->block, signature, SIGNATURE_BYTES);
}

bool environment_parse(struct environment *env, const char *data, size_t bytes)
{
    size_t size = bytes < ENVIRONMENT_MIN ? ENVIRONMENT_MIN : bytes;

    environment_init(env, size > ENVIRONMENT_MAX ? ENVIRONMENT_MAX : size);
    if (bytes != env->bytes || memcmp(data, signature, SIGNATURE_BYTES) != 0)
        return false;
    memcpy(env->block, data, bytes);
    return true;
}

/* Where the line behind `at` begins; a backslash keeps a newline within its line. */
static size_t next_line(const struct environment *env, size_t at)
{
    while (at < env->bytes && env->block[at] != '\n')
        at += env->block[at] == '\\' ? 2 : 1;
    return at < env->bytes ? at + 1 : env->bytes;
}

/* Where the line that sets name begins, or the block's size. */
static size_t find_line(const struct environment *env, const char *name)
{
    size_t len = strlen(name), at = SIGNATURE_BYTES;

    while (at < env->bytes && env->block[at] != '#') {
        if (len + 1 < env->bytes - at && memcmp(env->block + at, name, len) == 0 &&
            env->block[at + len] == '=')
            return at;
        at = next_line(env, at);
    }
    return env->bytes;
}

char *environment_get(const struct environment *env, const char *name)
{
    size_t at = find_line(env, name), end = next_line(env, at), n = 0;
    char *value;

    if (at == env->bytes || env->block[end - 1] != '\n')
        return NULL;
    value = malloc(end - at);
    if (value == NULL)
        return NULL;
    for (at += strlen(name) + 1; at < end - 1; at++) {
        if (env->block[at] == '\\' && at + 1 < end - 1)
            at++;
        value[n++] = env->block[at];
    }
    value[n] = '\0';
    return value;
}

static void remove_line(struct environment *env, const char *name)
{
    size_t at = find_line(env, name), end = next_line(env, at);

    if (at == env->bytes)
        return;
    memmove(env->block + at, env->block + end, env->bytes - end);
    memset(env->block + env->bytes - (end - at), '#', end - at);
}

/* Where the lines end and the padding begins. */
static size_t lines_end(const struct environment *env)
{
    size_t at = SIGNATURE_BYTES;

    while (at < env->bytes && env->block[at] != '#')
        at = next_line(env, at);
    return at;
}

int environment_set(struct environment *env, const char *name, const char *value, struct err *e)
{
    struct environment changed = *env;
    char line[ENVIRONMENT_MAX];
    size_t end;
    int n;

    remove_line(&changed, name);
    end = lines_end(&changed);
    if (value != NULL) {
        n = snprintf(line, sizeof(line), "%s=%s\n", name, value);
        if (n < 0 || (size_t)n >= sizeof(line) || (size_t)n > changed.bytes - end)
            return err_set(e, ERR_NO_SPACE, "%s=%.100s does not fit into %zu bytes", name, value,
                           changed.bytes);
        memcpy(changed.block + end, line, (size_t)n);
    }
    *env = changed;
    return 0;
}

int environment_read(struct tree *tree, const char *path, struct environment *env, struct err *e)
{
    _cleanup_free_ char *data = NULL;
    size_t len = 0;

    if (tree_read_file(tree, path, ENVIRONMENT_MAX, &data, &len, e) < 0)
        return -1;
    if (len < ENVIRONMENT_MIN)
        return err_set(e, ERR_VERIFY, "%s has only %zu bytes", path, len);
    (void)environment_parse(env, data, len); /* what is no block counts as an empty one */
    return 0;
}

int environment_write(struct tree *tree, const char *path, const struct environment *env,
                      struct err *e)
{
    return tree_overwrite(tree, path, 0, env->block, env->bytes, e);
}
