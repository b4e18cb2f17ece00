// SPDX-License-Identifier: GPL-3.0-or-later
/* rng.c: randomness. */
#include "guest.h"

#define RNG   4
#define BYTES 64

static struct device rng;
static uint8_t data[2][BYTES];

static void ask(uint8_t *to)
{
    rng.rings[0]->descriptors[0] = (struct descriptor){(uint64_t)to, BYTES, WRITE, 0};
    device_submit(&rng, 0, 0);
    CHECK(device_wait(&rng, 0) == BYTES, "fills the whole buffer");
}

void guest_main(void)
{
    unsigned same = 0;

    CHECK(device_find(&rng, RNG), "there is a device of randomness");
    device_start(&rng, 0, 1);
    ask(data[0]);
    ask(data[1]);
    for (unsigned i = 0; i < BYTES; i++)
        same += data[0][i] == data[1][i];
    CHECK(same < BYTES / 4, "does not say the same twice");
}
