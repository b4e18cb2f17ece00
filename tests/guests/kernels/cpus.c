// SPDX-License-Identifier: GPL-3.0-or-later
/* cpus.c: starts all processors; they meet, so that all of them run at once, and each says its own
 * number to the first. */
#include "processors.h"

#define WAIT_TURNS 100000000

static volatile unsigned arrived, expected, said;

static void meet(unsigned number)
{
    __atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < WAIT_TURNS && (expected == 0 || arrived < expected); i++)
        __asm__ volatile("pause");
    CHECK(arrived == expected, "all of them run at once");
    __atomic_or_fetch(&said, 1U << number, __ATOMIC_SEQ_CST);
}

void guest_main(void)
{
    expected = processors_start(meet);
    meet(0);
    for (unsigned i = 0; i < WAIT_TURNS && said != (1U << expected) - 1; i++)
        __asm__ volatile("pause");
    CHECK(said == (1U << expected) - 1, "each says its number");
    say_number(expected);
    say(" processors\n");
}
