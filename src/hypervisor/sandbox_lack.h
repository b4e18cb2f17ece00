// SPDX-License-Identifier: GPL-3.0-or-later
/* sandbox_lack.h: the parts of the monitor's sandbox that a host may deny (sandbox_lack.def), as
 * bits. */
#ifndef BERTH_HYPERVISOR_SANDBOX_LACK_H
#define BERTH_HYPERVISOR_SANDBOX_LACK_H

enum sandbox_lack_bit {
#define LACK(name, word, text) SANDBOX_LACK_##name,
#include "hypervisor/sandbox_lack.def"
#undef LACK
    SANDBOX_LACKS
};

enum sandbox_lack {
#define LACK(name, word, text) SANDBOX_NO_##name = 1 << SANDBOX_LACK_##name,
#include "hypervisor/sandbox_lack.def"
#undef LACK
};

/* "landlock", for programs; and for people what follows "its sandbox has". */
const char *sandbox_lack_word(unsigned bit);
const char *sandbox_lack_text(unsigned bit);

#endif
