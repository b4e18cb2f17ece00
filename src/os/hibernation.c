// SPDX-License-Identifier: GPL-3.0-or-later
/* hibernation.c: the signature at the end of a swap area's first page. */
#include "os/hibernation.h"

#include <string.h>
#include <strings.h>

#define PAGE      4096U
#define SIGNATURE 10U /* bytes, the last ones of the page */

static const char *const signatures[] = {"S1SUSPEND", "S2SUSPEND", "ULSUSPEND", "LINHIB0001"};

/* TuxOnIce's is binary, and its first bytes are all that is the same everywhere. */
static const unsigned char tuxonice[] = {0xed, 0xc3, 0x02, 0xe9, 0x98, 0x56, 0xe5, 0x0c};

int hibernation_in_swap(struct blockdev *swap, bool *hibernated, struct err *e)
{
    char page[PAGE];
    const char *found = page + PAGE - SIGNATURE;

    *hibernated = false;
    if (swap->bytes < PAGE)
        return 0;
    if (blockdev_pread(swap, page, sizeof(page), 0, e) < 0)
        return err_wrap(e, "looking for a hibernated system");
    for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++)
        if (strncasecmp(found, signatures[i], strlen(signatures[i])) == 0)
            *hibernated = true;
    if (memcmp(found, tuxonice, sizeof(tuxonice)) == 0)
        *hibernated = true;
    return 0;
}
