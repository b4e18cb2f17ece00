// SPDX-License-Identifier: GPL-3.0-or-later
/* at_boot_image.c: gathers what berth needs in an initramfs. */
#include "flow/at_boot_image.h"
#include "block/libmount.h"
#include "block/overlay.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/library.h"
#include "core/spawn.h"
#include "flow/initramfs.h"
#include "flow/work_file.h"
#include "os/kernel_modules.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#define TEXT_MAX ((size_t)64 << 20)

/* What changes the size of each filesystem, and looks through it. */
static const struct {
    const char *fs;
    const char *tools[4];
} fs_tools[] = {
    {"ext2", {"e2fsck", "resize2fs"}},
    {"ext3", {"e2fsck", "resize2fs"}},
    {"ext4", {"e2fsck", "resize2fs"}},
    {"vfat", {"fsck.vfat", "mkfs.vfat"}},
    {"ntfs", {"ntfsresize", "ntfsfix"}},
    {"swap", {"mkswap"}},
    {"btrfs", {"btrfs"}},
    {"xfs", {"xfs_growfs", "xfs_repair", "xfs_logprint"}},
};

static int add_tool(struct initramfs *ir, const char *tool, struct err *e)
{
    _cleanup_free_ char *path = spawn_find(tool);
    const char *package = spawn_package(tool);

    if (path != NULL)
        return initramfs_add_program(ir, path, path + 1, e);
    err_set(e, ERR_NOT_FOUND, "the program %s is not installed", tool);
    return package != NULL ? err_hint(e, "apt-get install %s", package) : -1;
}

static int add_tools(struct initramfs *ir, const struct plan *plan, struct err *e)
{
    for (size_t i = 0; i < plan->n_steps; i++) {
        const char *fs = plan->steps[i].fs;

        for (size_t k = 0; fs != NULL && k < sizeof(fs_tools) / sizeof(fs_tools[0]); k++)
            for (size_t t = 0; strcmp(fs_tools[k].fs, fs) == 0 && t < 4; t++)
                if (fs_tools[k].tools[t] != NULL && add_tool(ir, fs_tools[k].tools[t], e) < 0)
                    return -1;
    }
    return 0;
}

/* The program that runs, though another one be installed by now; by the process's number, since the
 * loader that is asked for its libraries is another process. The library that tools get
 * (block/overlay_tool.c) is looked for beside it. */
static int add_self(struct initramfs *ir, struct err *e)
{
    _cleanup_free_ char *library = overlay_library(e);
    char self[32];

    snprintf(self, sizeof(self), "/proc/%d/exe", (int)getpid());
    if (library == NULL || initramfs_add_program(ir, self, "init", e) < 0)
        return -1;
    return initramfs_add_program(ir, library, "berth-overlay.so", e);
}

/* The one library that the program opens by itself for this work: the loader does not name it. */
static int add_libmount(struct initramfs *ir, struct err *e)
{
    _cleanup_free_ char *path = libmount_load(e) < 0 ? NULL : library_path(LIBMOUNT, e);

    return path == NULL ? -1 : initramfs_add_program(ir, path, path + 1, e);
}

/* ---- modules ---- */

/* A file's text; empty where there is no such file. */
static char *read_or_empty(const char *path, struct err *e)
{
    char *text = NULL;

    if (io_read_file(path, TEXT_MAX, &text, NULL, e) == 0)
        return text;
    return e->code == ERR_NOT_FOUND ? io_format(e, "%s", "") : NULL;
}

static int add_module(struct initramfs *ir, const char *folder, const char *file, FILE *list,
                      struct err *e)
{
    _cleanup_free_ char *from = io_format(e, "%s/%s", folder, file);
    _cleanup_free_ char *to = io_format(e, "lib/modules/%s", file);
    char *packed;

    if (from == NULL || to == NULL)
        return -1;
    packed = strstr(to, ".ko");
    if (packed != NULL)
        packed[strlen(".ko")] = '\0';
    fprintf(list, "/%s\n", to);
    return initramfs_add_file(ir, from, to, 0644, e);
}

static int add_listed(struct initramfs *ir, const char *folder, const struct strings *files,
                      struct err *e)
{
    _cleanup_free_ char *text = NULL;
    size_t len;
    FILE *list = open_memstream(&text, &len);
    int result = 0;

    if (list == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < files->n && result == 0; i++)
        result = add_module(ir, folder, files->items[i], list, e);
    if (fclose(list) != 0 && result == 0)
        result = err_no_memory(e);
    return result < 0 ? -1 : initramfs_add_data(ir, WORK_MODULES, 0644, text, len, e);
}

static int add_modules(struct initramfs *ir, struct err *e)
{
    _cleanup_free_ char *loaded = read_or_empty("/proc/modules", e);
    _cleanup_free_ char *dep = NULL;
    _cleanup_strings_ struct strings files = {0};
    struct utsname running;
    char folder[300], path[320];

    uname(&running);
    snprintf(folder, sizeof(folder), "/lib/modules/%s", running.release);
    snprintf(path, sizeof(path), "%s/modules.dep", folder);
    dep = loaded != NULL ? read_or_empty(path, e) : NULL;
    if (dep == NULL)
        return -1;
    if (*loaded != '\0' && *dep == '\0') {
        err_set(e, ERR_NOT_FOUND,
                "%s, by which the running kernel's modules are found, is not there", path);
        return err_hint(e, "restart into the kernel that is installed first");
    }
    return kernel_modules_order(loaded, dep, &files, e) < 0 ? -1
                                                            : add_listed(ir, folder, &files, e);
}

/* ---- all of it ---- */

static int add_work(struct initramfs *ir, const struct survey *survey, const struct strings *argv,
                    struct err *e)
{
    struct work_file work = {survey->uuid, survey->serial, survey->wwn, *argv};
    _cleanup_free_ char *text = work_file_print(&work, e);

    return text == NULL ? -1 : initramfs_add_data(ir, WORK_FILE, 0644, text, strlen(text), e);
}

int at_boot_image(const struct job *job, const struct strings *argv, struct err *e)
{
    _cleanup_close_ int fd = memfd_create("initramfs", MFD_CLOEXEC);
    _cleanup_initramfs_ struct initramfs *ir = fd >= 0 ? initramfs_new(fd, e) : NULL;

    if (fd < 0)
        return err_errno(e, "memory for an initramfs");
    if (ir == NULL || add_self(ir, e) < 0 || add_libmount(ir, e) < 0 ||
        add_tools(ir, job->plan, e) < 0 || add_modules(ir, e) < 0 ||
        add_work(ir, job->survey, argv, e) < 0 || initramfs_finish(ir, e) < 0)
        return err_wrap(e, "the initramfs");
    return steal_fd(&fd);
}
