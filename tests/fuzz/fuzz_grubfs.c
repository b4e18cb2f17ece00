// SPDX-License-Identifier: GPL-3.0-or-later
/* fuzz_grubfs.c: any text as GRUB's list of a folder. What was read are names, and each is found.
 */
#include "core/cleanup.h"
#include "tree/grubfs_list.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_free_ char *text = strndup((const char *)data, size);
    struct grubfs_list list = {0};
    struct err e;

    if (text == NULL || grubfs_list_parse(text, &list, &e) < 0)
        abort();
    for (size_t i = 0; i < list.n; i++) {
        const char *name = list.names[i].text;

        if (*name == '\0' || strlen(name) > 255 || strchr(name, '/') != NULL ||
            strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
            grubfs_list_find(&list, name) == NULL)
            abort();
    }
    grubfs_list_clear(&list);
    return 0;
}
