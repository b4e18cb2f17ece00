// SPDX-License-Identifier: GPL-3.0-or-later
/* work_image.c: gathers what berth needs in an initramfs. */
#include "initramfs/work_image.h"
#include "block/libmount.h"
#include "block/overlay.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/library.h"
#include "core/spawn.h"
#include "fs/fs.h"
#include "initramfs/initramfs.h"
#include "initramfs/work_file.h"
#include "os/kernel_modules.h"

#include <string.h>
#include <sys/mman.h>

/* Into the initramfs; NULL: only looks whether it is there. */
static int add_tool(struct initramfs *ir, const char *tool, struct err *e)
{
    _cleanup_free_ char *path = NULL;

    if (spawn_locate(tool, &path, e) < 0)
        return -1;
    return ir == NULL ? 0 : initramfs_add_program(ir, path, path + 1, e);
}

/* What changes the size of that filesystem, and looks through it. */
static int add_tools(struct initramfs *ir, const char *fs, struct err *e)
{
    const struct fs_ops *ops = fs_by_name(fs);

    if (ops == NULL)
        return 0;
    for (const struct fs_program *p = ops->programs; p->name != NULL; p++)
        if (strcmp(p->purpose, FS_ONLY_MAKES) != 0 && add_tool(ir, p->name, e) < 0)
            return -1;
    return 0;
}

int work_image_check_tools(const char *fs, struct err *e)
{
    return add_tools(NULL, fs, e);
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

static int add_modules(struct initramfs *ir, const struct work_image *image, struct err *e)
{
    _cleanup_free_ char *dep = host_kernel_text(image->kernel, "modules.dep", e);
    _cleanup_strings_ struct strings files = {0};

    if (dep == NULL)
        return -1;
    if (*image->modules != '\0' && *dep == '\0') {
        err_set(e, ERR_NOT_FOUND,
                "%s/modules.dep, by which the modules of the kernel are found, is not there",
                image->kernel->modules);
        return err_hint(e, "restart into the kernel that is installed first");
    }
    return kernel_modules_order(image->modules, dep, &files, e) < 0
               ? -1
               : add_listed(ir, image->kernel->modules, &files, e);
}

/* ---- all of it ---- */

static int add_all(struct initramfs *ir, const struct work_image *image, struct err *e)
{
    if (add_self(ir, e) < 0 || (image->devices && add_libmount(ir, e) < 0))
        return -1;
    for (size_t i = 0; i < image->fs->n; i++)
        if (add_tools(ir, image->fs->items[i], e) < 0)
            return -1;
    return add_modules(ir, image, e) < 0
               ? -1
               : initramfs_add_data(ir, image->file, 0644, image->text, strlen(image->text), e);
}

int work_image_make(const struct work_image *image, struct err *e)
{
    _cleanup_close_ int fd = memfd_create("initramfs", MFD_CLOEXEC);
    _cleanup_initramfs_ struct initramfs *ir = fd >= 0 ? initramfs_new(fd, true, e) : NULL;

    if (fd < 0)
        return err_errno(e, "memory for an initramfs");
    if (ir == NULL || add_all(ir, image, e) < 0 || initramfs_finish(ir, e) < 0)
        return err_wrap(e, "the initramfs");
    return steal_fd(&fd);
}
