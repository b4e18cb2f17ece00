// SPDX-License-Identifier: GPL-3.0-or-later
/* console.c: says "ready" on the virtio console and sends back what it hears, in capitals, until a
 * "q" comes; and sees the window's size. */
#include "guest.h"

#define CONSOLE 3

enum { RECEIVE, TRANSMIT };

static struct device console;
static char in[32], out[32];

static void send(const char *text, uint32_t bytes)
{
    console.rings[TRANSMIT]->descriptors[0] = (struct descriptor){(uint64_t)text, bytes, 0, 0};
    device_submit(&console, TRANSMIT, 0);
    CHECK(device_wait(&console, TRANSMIT) >= 0, "sends");
}

static int64_t receive(void)
{
    int64_t got;

    console.rings[RECEIVE]->descriptors[0] =
        (struct descriptor){(uint64_t)in, sizeof(in), WRITE, 0};
    device_submit(&console, RECEIVE, 0);
    while ((got = device_wait(&console, RECEIVE)) < 0)
        ;
    return got;
}

void guest_main(void)
{
    bool quit = false;

    CHECK(device_find(&console, CONSOLE), "there is a console");
    device_start(&console, 1, 2);
    send("ready\n", 6);
    while (!quit) {
        int64_t got = receive();

        for (int64_t i = 0; i < got; i++) {
            quit = quit || in[i] == 'q';
            out[i] = in[i] >= 'a' && in[i] <= 'z' ? (char)(in[i] - 'a' + 'A') : in[i];
        }
        send(out, (uint32_t)got);
    }
    say("columns ");
    say_number(load16(console.own));
    say(" rows ");
    say_number(load16(console.own + 2));
    say("\n");
}
