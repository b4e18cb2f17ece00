// SPDX-License-Identifier: GPL-3.0-or-later
/* host_kernel.c: finds the kernels that are installed here. */
#include "initramfs/host_kernel.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "os/kernel_modules.h"
#include "os/newest_kernel.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

#define BOOT     "/boot"
#define PREFIX   "vmlinuz-"
#define TEXT_MAX ((size_t)64 << 20)

static void fill(struct host_kernel *kernel, const char *version)
{
    snprintf(kernel->version, sizeof(kernel->version), "%s", version);
    snprintf(kernel->file, sizeof(kernel->file), BOOT "/" PREFIX "%s", kernel->version);
    snprintf(kernel->modules, sizeof(kernel->modules), "/lib/modules/%s", kernel->version);
}

void host_kernel_running(struct host_kernel *kernel)
{
    struct utsname running;

    uname(&running);
    fill(kernel, running.release);
}

int host_kernel_open(const struct host_kernel *kernel, struct err *e)
{
    int fd = open(kernel->file, O_RDONLY | O_CLOEXEC);

    return fd < 0 ? err_errno(e, "%s", kernel->file) : fd;
}

char *host_kernel_text(const struct host_kernel *kernel, const char *name, struct err *e)
{
    _cleanup_free_ char *path = io_format(e, "%s/%s", kernel->modules, name);
    char *text = NULL;

    if (path == NULL)
        return NULL;
    if (io_read_file(path, TEXT_MAX, &text, NULL, e) == 0)
        return text;
    return e->code == ERR_NOT_FOUND ? io_format(e, "%s", "") : NULL;
}

bool host_kernel_has(const struct host_kernel *kernel, const char *module)
{
    struct err ignored;
    _cleanup_free_ char *dep = host_kernel_text(kernel, "modules.dep", &ignored);
    _cleanup_free_ char *built_in = host_kernel_text(kernel, "modules.builtin", &ignored);

    return (dep != NULL && kernel_modules_list(dep, module)) ||
           (built_in != NULL && kernel_modules_list(built_in, module));
}

/* ---- the newest ---- */

static int is_kernel(const struct dirent *entry)
{
    return strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0 &&
           !kernel_version_skipped(entry->d_name + strlen(PREFIX));
}

static bool has_modules(const struct host_kernel *kernel)
{
    char path[HOST_KERNEL_PATH + 16];

    snprintf(path, sizeof(path), "%s/modules.dep", kernel->modules);
    return access(path, R_OK) == 0;
}

static int none(const struct host_kernel *forbidden, struct err *e)
{
    if (forbidden->version[0] != '\0')
        return err_set(e, ERR_REFUSED, "%s may be read by root only", forbidden->file);
    return err_set(e, ERR_NOT_FOUND, "there is no kernel with its modules in " BOOT);
}

int host_kernel_newest(struct host_kernel *kernel, struct err *e)
{
    struct host_kernel forbidden = {0}, candidate;
    struct dirent **entries = NULL;
    int n = scandir(BOOT, &entries, is_kernel, NULL);

    kernel->version[0] = '\0';
    for (int i = 0; i < n; i++) {
        fill(&candidate, entries[i]->d_name + strlen(PREFIX));
        free(entries[i]);
        if (!has_modules(&candidate))
            continue;
        if (access(candidate.file, R_OK) < 0)
            forbidden = candidate;
        else if (kernel->version[0] == '\0' ||
                 kernel_version_newer(candidate.version, kernel->version))
            *kernel = candidate;
    }
    free(entries);
    return kernel->version[0] != '\0' ? 0 : none(&forbidden, e);
}
