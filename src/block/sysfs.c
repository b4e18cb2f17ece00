// SPDX-License-Identifier: GPL-3.0-or-later
/* sysfs.c: reads attributes and folders of sysfs. What is missing there is no error. */
#include "block/sysfs.h"
#include "core/cleanup.h"
#include "core/io.h"

#include <limits.h>
#include <string.h>
#include <sys/sysmacros.h>

#define ATTRIBUTE_MAX 4096 /* the kernel gives no attribute more than a page */

char *sysfs_folder(dev_t device, char folder[SYSFS_FOLDER])
{
    snprintf(folder, SYSFS_FOLDER, "/sys/dev/block/%u:%u", major(device), minor(device));
    return folder;
}

char *sysfs_text(const char *folder, const char *name)
{
    char path[PATH_MAX];
    _cleanup_free_ char *text = NULL;
    struct err ignored;
    size_t len;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (io_read_file(path, ATTRIBUTE_MAX, &text, NULL, &ignored) < 0)
        return NULL;
    len = strlen(text);
    while (len > 0 && strchr(" \n", text[len - 1]) != NULL)
        text[--len] = '\0';
    return len == 0 ? NULL : strdup(text + strspn(text, " "));
}

bool sysfs_has(const char *folder, const char *name)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

dev_t sysfs_device(const char *folder)
{
    _cleanup_free_ char *text = sysfs_text(folder, "dev");
    unsigned maj, min;

    return text != NULL && sscanf(text, "%u:%u", &maj, &min) == 2 ? makedev(maj, min) : 0;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int sysfs_entries(const char *folder, const char *name, struct dirent ***entries)
{
    char path[PATH_MAX];
    int n;

    *entries = NULL;
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    n = scandir(path, entries, is_visible, versionsort);
    return n < 0 ? 0 : n;
}

void sysfs_entries_free(struct dirent **entries, int n)
{
    for (int i = 0; i < n; i++)
        free(entries[i]);
    free(entries);
}
