// SPDX-License-Identifier: GPL-3.0-or-later
/* ticks.c: says a dot, again and again. */
#include "guest.h"

void guest_main(void)
{
    for (;;) {
        say(".");
        for (unsigned i = 0; i < 1000; i++)
            __asm__ volatile("pause");
    }
}
