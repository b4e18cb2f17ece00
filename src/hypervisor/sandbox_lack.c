// SPDX-License-Identifier: GPL-3.0-or-later
/* sandbox_lack.c: the rows of sandbox_lack.def. */
#include "hypervisor/sandbox_lack.h"

static const struct {
    const char *word, *text;
} lacks[] = {
#define LACK(name, word, text) {word, text},
#include "hypervisor/sandbox_lack.def"
#undef LACK
};

const char *sandbox_lack_word(unsigned bit)
{
    return lacks[bit].word;
}

const char *sandbox_lack_text(unsigned bit)
{
    return lacks[bit].text;
}
