// SPDX-License-Identifier: GPL-3.0-or-later
/* kernel_modules.c: orders the modules of a kernel. Pure. */
#include "os/kernel_modules.h"
#include "core/cleanup.h"

#include <string.h>

#define DEPTH_MAX 64 /* of modules that need each other; the kernel's have no circles */

/* modules.dep in memory: lines of "PATH: NEEDED NEEDED". */
struct dependencies {
    char *text;
    char **paths, **needs; /* into text; needs[i]: the words behind the colon */
    size_t n;
};

static void dependencies_free(struct dependencies *deps)
{
    free(deps->text);
    free(deps->paths);
    free(deps->needs);
}

#define _cleanup_dependencies_ __attribute__((cleanup(dependencies_free)))

static int dependencies_read(struct dependencies *deps, const char *text, struct err *e)
{
    size_t lines = 1;
    char *next, *line;

    for (const char *p = text; *p != '\0'; p++)
        lines += *p == '\n';
    deps->text = strdup(text);
    deps->paths = calloc(lines, sizeof(char *));
    deps->needs = calloc(lines, sizeof(char *));
    if (deps->text == NULL || deps->paths == NULL || deps->needs == NULL)
        return err_no_memory(e);
    next = deps->text;
    while ((line = strsep(&next, "\n")) != NULL) {
        char *path = strsep(&line, ":");

        if (line == NULL)
            continue;
        deps->paths[deps->n] = path;
        deps->needs[deps->n++] = line;
    }
    return 0;
}

bool kernel_module_name(const char *path, char name[KERNEL_MODULE_NAME])
{
    size_t len = strcspn(path, ": \t\n"), n = 0;
    const char *slash = memrchr(path, '/', len);
    const char *from = slash != NULL ? slash + 1 : path;

    for (; strncmp(from, ".ko", 3) != 0; from++) {
        if (from == path + len || *from < ' ' || *from > '~' || n == KERNEL_MODULE_NAME - 1)
            return false;
        name[n++] = *from == '-' ? '_' : *from;
    }
    name[n] = '\0';
    return n > 0;
}

/* True when that is the file of the module: "kernel/drivers/block/virtio-blk.ko.xz" of virtio_blk.
 */
static bool is_file_of(const char *path, const char *module)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;

    for (; *module != '\0'; name++, module++)
        if ((*name == '-' ? '_' : *name) != (*module == '-' ? '_' : *module))
            return false;
    return strncmp(name, ".ko", 3) == 0;
}

bool kernel_modules_list(const char *text, const char *module)
{
    for (const char *line = text; *line != '\0'; line += *line == '\n') {
        size_t len = strcspn(line, ":\n");
        char path[256];

        snprintf(path, sizeof(path), "%.*s", (int)len, line);
        if (is_file_of(path, module))
            return true;
        line += strcspn(line, "\n");
    }
    return false;
}

static bool is_of_no_use(const char *path)
{
    static const char *const folders[] = {
        "kernel/arch/x86/kvm/",
        "kernel/drivers/gpu/",
        "kernel/drivers/net/",
        "kernel/drivers/media/",
        "kernel/drivers/bluetooth/",
        "kernel/drivers/hwmon/",
        "kernel/drivers/video/",
        "kernel/drivers/thermal/",
        "kernel/drivers/iio/",
        "kernel/drivers/watchdog/",
        "kernel/drivers/edac/",
        "kernel/drivers/leds/",
        "kernel/drivers/input/misc",
        "kernel/net/",
        "kernel/sound/",
    };

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        if (strncmp(path, folders[i], strlen(folders[i])) == 0)
            return true;
    return false;
}

/* The words of `needs` from the last to the first: modules.dep puts what loads first at the end. */
static int add_file(const struct dependencies *deps, const char *path, unsigned depth,
                    struct strings *files, struct err *e)
{
    _cleanup_free_ char *needs = NULL;
    char *word;

    if (strings_have(files, path))
        return 0;
    if (depth > DEPTH_MAX)
        return err_set(e, ERR_FAILED, "%s needs modules that need it", path);
    for (size_t i = 0; i < deps->n && needs == NULL; i++)
        if (strcmp(deps->paths[i], path) == 0 && (needs = strdup(deps->needs[i])) == NULL)
            return err_no_memory(e);
    while (needs != NULL && *needs != '\0') {
        word = strrchr(needs, ' ');
        if (word == NULL)
            word = needs;
        if (word[strspn(word, " ")] != '\0' &&
            add_file(deps, word + strspn(word, " "), depth + 1, files, e) < 0)
            return -1;
        *word = '\0';
    }
    return strings_add(files, path, strlen(path), e);
}

static int add_module(const struct dependencies *deps, const char *module, struct strings *files,
                      struct err *e)
{
    for (size_t i = 0; i < deps->n; i++)
        if (is_file_of(deps->paths[i], module))
            return is_of_no_use(deps->paths[i]) ? 0 : add_file(deps, deps->paths[i], 0, files, e);
    return 0; /* loaded from somewhere else, or built in since */
}

int kernel_modules_order(const char *loaded, const char *dep, struct strings *files, struct err *e)
{
    _cleanup_dependencies_ struct dependencies deps = {0};
    _cleanup_free_ char *lines = strdup(loaded);

    if (lines == NULL)
        return err_no_memory(e);
    if (dependencies_read(&deps, dep, e) < 0)
        return -1;
    while (*lines != '\0') {
        char *line = strrchr(lines, '\n');

        line = line != NULL ? line : lines;
        if (*line == '\n')
            *line++ = '\0';
        line[strcspn(line, " \n")] = '\0';
        if (*line != '\0' && add_module(&deps, line, files, e) < 0)
            return -1;
        if (line == lines)
            break;
    }
    return 0;
}
