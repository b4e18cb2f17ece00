// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * drivers.c: compares modules by their names, since an initramfs may have packed or unpacked them
 * otherwise than the system that made it.
 *
 * What is added is unpacked, and named in modules.dep in both its forms: every modprobe finds that.
 * Loading them by name needs no alias.
 */
#include "os/drivers.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "os/initrd.h"
#include "os/kernel_modules.h"

#include <string.h>
#include <sys/stat.h>

/* Backwards, as kernel_modules_order takes them. */
#define DISK_MODULES "virtio_blk\nvirtio_pci\n"
#define FS_MODULES   "crc32c_generic\n" /* the kernel asks for it when one is mounted */

/* ---- what an initramfs has ---- */

struct look {
    struct drivers_initramfs *found;
    const char *version;
    FILE *files;
    bool lib_is_link;
};

static bool ends_with(const char *path, const char *end)
{
    size_t len = strlen(path), n = strlen(end);

    return len >= n && strcmp(path + len - n, end) == 0;
}

static int wants(void *arg, const struct initrd_entry *entry)
{
    (void)arg;
    return strcmp(entry->path, "conf/modules") == 0 || ends_with(entry->path, "/modules.dep");
}

static int keep_text(char **text, const struct initrd_entry *entry, struct err *e)
{
    free(*text);
    *text = strdup(entry->data != NULL ? (const char *)entry->data : "");
    return *text == NULL ? err_no_memory(e) : 0;
}

/* What is below lib/modules/VERSION, or usr/lib: NULL otherwise. */
static const char *below_modules(const char *path, const char *version)
{
    const char *rest = strncmp(path, "usr/", 4) == 0 ? path + 4 : path;
    size_t n = strlen(version);

    if (strncmp(rest, "lib/modules/", 12) != 0 || strncmp(rest + 12, version, n) != 0 ||
        rest[12 + n] != '/')
        return NULL;
    return rest + 12 + n + 1;
}

static int visit_file(struct look *look, const struct initrd_entry *entry, struct err *e)
{
    const char *below = below_modules(entry->path, look->version);
    char name[KERNEL_MODULE_NAME];

    if (strcmp(entry->path, "conf/modules") == 0)
        return keep_text(&look->found->load, entry, e);
    if (strcmp(entry->path, "scripts/functions") == 0)
        look->found->by_initramfs_tools = true;
    if (below != NULL && strcmp(below, "modules.dep") == 0)
        return keep_text(&look->found->dep, entry, e);
    if (kernel_module_name(entry->path, name) && strchr(entry->path, '\n') == NULL)
        fprintf(look->files, "%s\n", entry->path);
    return 0;
}

static int visit(void *arg, const struct initrd_entry *entry, struct err *e)
{
    struct look *look = arg;

    if (S_ISREG(entry->mode))
        return visit_file(look, entry, e);
    if (S_ISLNK(entry->mode) && strcmp(entry->path, "lib") == 0)
        look->lib_is_link = true;
    if (!S_ISDIR(entry->mode) || *entry->path == '\0')
        return 0;
    return strings_add(&look->found->folders, entry->path, strlen(entry->path), e);
}

/* A folder of that name in place of a link to one would hide all that is in it. */
static int choose_folder(struct look *look, struct err *e)
{
    struct drivers_initramfs *found = look->found;

    found->modules_folder = io_format(e, "usr/lib/modules/%s", look->version);
    if (found->modules_folder == NULL)
        return -1;
    if (look->lib_is_link || strings_have(&found->folders, found->modules_folder))
        return 0;
    free(found->modules_folder);
    found->modules_folder = io_format(e, "lib/modules/%s", look->version);
    return found->modules_folder == NULL ? -1 : 0;
}

int drivers_look(const void *initrd, uint64_t bytes, const char *version,
                 struct drivers_initramfs *found, struct err *e)
{
    struct look look = {.found = found, .version = version};
    struct initrd_visitor visitor = {.wants = wants, .visit = visit, .arg = &look};
    size_t len;
    int result;

    *found = (struct drivers_initramfs){.dep = strdup(""), .load = strdup("")};
    look.files = open_memstream(&found->files, &len);
    if (found->dep == NULL || found->load == NULL || look.files == NULL)
        return err_no_memory(e);
    result = initrd_walk(initrd, bytes, &visitor, e);
    if (fclose(look.files) != 0 && result == 0)
        return err_no_memory(e);
    return result < 0 ? -1 : choose_folder(&look, e);
}

void drivers_initramfs_free(struct drivers_initramfs *found)
{
    strings_clear(&found->folders);
    free(found->modules_folder);
    free(found->files);
    free(found->dep);
    free(found->load);
}

/* ---- what it lacks ---- */

static bool has(const struct drivers_initramfs *found, const char *builtin, const char *module)
{
    return kernel_modules_list(builtin, module) || kernel_modules_list(found->files, module);
}

int drivers_missing(const struct drivers_initramfs *found, const char *fs, const char *dep,
                    const char *builtin, struct strings *files, struct err *e)
{
    bool has_fs = has(found, builtin, fs);
    _cleanup_free_ char *wanted = io_format(e, "%s%s%s" DISK_MODULES, has_fs ? "" : fs,
                                            has_fs ? "" : "\n", has_fs ? "" : FS_MODULES);
    _cleanup_strings_ struct strings all = {0};

    if (wanted == NULL || kernel_modules_order(wanted, dep, &all, e) < 0)
        return -1;
    for (size_t i = 0; i < all.n; i++) {
        char name[KERNEL_MODULE_NAME];

        if (kernel_module_name(all.items[i], name) && !has(found, builtin, name) &&
            strings_add(files, all.items[i], strlen(all.items[i]), e) < 0)
            return -1;
    }
    return 0;
}

/* ---- what is put behind it ---- */

char *drivers_place(const char *file, struct err *e)
{
    const char *end = strstr(file, ".ko");

    return io_format(e, "%.*s.ko", (int)(end != NULL ? end - file : 0), file);
}

static bool lists(const struct strings *files, const char *module)
{
    char name[KERNEL_MODULE_NAME];

    for (size_t i = 0; i < files->n; i++)
        if (kernel_module_name(files->items[i], name) && strcmp(name, module) == 0)
            return true;
    return false;
}

/* The line of a text that is about this module, up to its end; NULL when there is none. */
static const char *line_of(const char *text, const char *module)
{
    char name[KERNEL_MODULE_NAME];

    for (const char *line = text; *line != '\0'; line += *line == '\n') {
        if (kernel_module_name(line, name) && strcmp(name, module) == 0)
            return line;
        line += strcspn(line, "\n");
    }
    return NULL;
}

/* A module that another one needs: one of those that are added, or where the initramfs has it. */
static void print_need(const struct drivers_initramfs *found, const struct strings *files,
                       const char *need, FILE *out)
{
    char name[KERNEL_MODULE_NAME];
    const char *there;

    if (strings_have(files, need)) {
        fprintf(out, " %.*s", (int)(strstr(need, ".ko") + 3 - need), need);
        return;
    }
    there = kernel_module_name(need, name) ? line_of(found->dep, name) : NULL;
    if (there != NULL)
        fprintf(out, " %.*s", (int)strcspn(there, ":\n"), there);
}

static int print_line(const struct drivers_initramfs *found, const char *dep,
                      const struct strings *files, const char *file, FILE *out, struct err *e)
{
    _cleanup_free_ char *place = drivers_place(file, e), *needs = NULL;
    char name[KERNEL_MODULE_NAME], *next, *word;
    const char *line = kernel_module_name(file, name) ? line_of(dep, name) : NULL;

    if (place == NULL)
        return -1;
    fprintf(out, "%s:", place);
    if (line != NULL) {
        line += strcspn(line, ":\n");
        needs = next = strndup(line, strcspn(line, "\n"));
        if (needs == NULL)
            return err_no_memory(e);
        while ((word = strsep(&next, ": ")) != NULL)
            if (*word != '\0')
                print_need(found, files, word, out);
    }
    fputc('\n', out);
    return 0;
}

/* A text, and a line end behind it where it has none. */
static void print_text(const char *text, FILE *out)
{
    size_t len = strlen(text);

    fputs(text, out);
    if (len > 0 && text[len - 1] != '\n')
        fputc('\n', out);
}

/* The lines of the initramfs's own modules.dep; not of what it lacks, whatever they say. */
static void print_kept(const struct drivers_initramfs *found, const struct strings *files,
                       FILE *out)
{
    for (const char *line = found->dep; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        char name[KERNEL_MODULE_NAME];

        if (kernel_module_name(line, name) && !lists(files, name))
            fprintf(out, "%.*s\n", (int)len, line);
        line += len;
        line += *line == '\n';
    }
}

static FILE *open_text(char **text, size_t *len, struct err *e)
{
    FILE *out = open_memstream(text, len);

    if (out == NULL)
        err_no_memory(e);
    return out;
}

char *drivers_dep(const struct drivers_initramfs *found, const char *dep,
                  const struct strings *files, struct err *e)
{
    _cleanup_free_ char *text = NULL;
    size_t len;
    FILE *out = open_text(&text, &len, e);
    int result = 0;

    if (out == NULL)
        return NULL;
    print_kept(found, files, out);
    for (size_t i = 0; i < files->n && result == 0; i++)
        result = print_line(found, dep, files, files->items[i], out, e);
    if (fclose(out) != 0 && result == 0)
        result = err_no_memory(e);
    return result < 0 ? NULL : steal(text);
}

/* initramfs-tools and systemd read a name a line; dracut words of a command line. */
static void print_names(const struct strings *files, const char *before, FILE *out)
{
    for (size_t i = 0; i < files->n; i++) {
        char name[KERNEL_MODULE_NAME];

        if (kernel_module_name(files->items[i], name))
            fprintf(out, "%s%s\n", before, name);
    }
}

int drivers_loader(const struct drivers_initramfs *found, const struct strings *files,
                   unsigned which, const char **path, char **text, struct err *e)
{
    static const char *const others[] = {"etc/modules-load.d/berth.conf",
                                         "etc/cmdline.d/berth.conf"};
    size_t len;
    FILE *out;

    if (which >= (found->by_initramfs_tools ? 1 : sizeof(others) / sizeof(others[0])))
        return 0;
    *path = found->by_initramfs_tools ? "conf/modules" : others[which];
    out = open_text(text, &len, e);
    if (out == NULL)
        return -1;
    if (found->by_initramfs_tools)
        print_text(found->load, out);
    if (which == 0)
        print_names(files, "", out);
    else
        print_names(files, "rd.driver.pre=", out);
    return fclose(out) == 0 ? 1 : err_no_memory(e);
}
