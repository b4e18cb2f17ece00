// SPDX-License-Identifier: GPL-3.0-or-later
/* at_boot_image.c: says what the initramfs of the next boot shall have. */
#include "flow/at_boot_image.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "initramfs/work_file.h"
#include "initramfs/work_image.h"

#include <string.h>

#define MODULES_MAX ((size_t)1 << 20)

/* A kernel without modules has no such file. */
static char *loaded_modules(struct err *e)
{
    char *text = NULL;

    if (io_read_file("/proc/modules", MODULES_MAX, &text, NULL, e) == 0)
        return text;
    return e->code == ERR_NOT_FOUND ? io_format(e, "%s", "") : NULL;
}

static int list_filesystems(const struct plan *plan, struct strings *list, struct err *e)
{
    for (size_t i = 0; i < plan->n_steps; i++) {
        const char *fs = plan->steps[i].fs;

        if (fs != NULL && !strings_have(list, fs) && strings_add(list, fs, strlen(fs), e) < 0)
            return -1;
    }
    return 0;
}

int at_boot_image(const struct job *job, const struct strings *argv,
                  const struct host_kernel *kernel, struct err *e)
{
    const struct survey *survey = job->survey;
    struct work_file work = {survey->uuid, survey->serial, survey->wwn, *argv};
    _cleanup_strings_ struct strings fs = {0};
    _cleanup_free_ char *text = work_file_print(&work, e);
    _cleanup_free_ char *modules = text != NULL ? loaded_modules(e) : NULL;

    if (modules == NULL || list_filesystems(job->plan, &fs, e) < 0)
        return -1;
    return work_image_make(&(struct work_image){.kernel = kernel,
                                                .modules = modules,
                                                .fs = &fs,
                                                .devices = true,
                                                .file = WORK_FILE,
                                                .text = text},
                           e);
}
