// SPDX-License-Identifier: GPL-3.0-or-later
/* net.c: sends frames of several sizes and expects each to come back as it was. */
#include "guest.h"

#define NET    1
#define HEADER 12

enum { RECEIVE, TRANSMIT };

static struct device net;
static uint8_t in[HEADER + 2048], out[HEADER + 2048];

static void exchange(uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++)
        out[HEADER + i] = (uint8_t)(i * 7 + bytes);
    memset(in, 0, sizeof(in));
    net.rings[RECEIVE]->descriptors[0] = (struct descriptor){(uint64_t)in, sizeof(in), WRITE, 0};
    device_submit(&net, RECEIVE, 0);
    net.rings[TRANSMIT]->descriptors[0] = (struct descriptor){(uint64_t)out, HEADER + bytes, 0, 0};
    device_submit(&net, TRANSMIT, 0);
    CHECK(device_wait(&net, TRANSMIT) >= 0, "sends a frame");
    CHECK(device_wait(&net, RECEIVE) == HEADER + bytes, "gets a frame of the same size");
    for (uint32_t i = 0; i < bytes; i++)
        CHECK(in[HEADER + i] == out[HEADER + i], "gets the same frame");
}

void guest_main(void)
{
    static const uint8_t mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};

    CHECK(device_find(&net, NET), "there is a network card");
    for (unsigned i = 0; i < 6; i++)
        CHECK(load8(net.own + i) == mac[i], "the card has its address");
    device_start(&net, 1 << 5, 2);
    exchange(60);
    exchange(1514);
    exchange(61);
    out[0] = 0;
    net.rings[TRANSMIT]->descriptors[0] = (struct descriptor){(uint64_t)out, 5, 0, 0};
    device_submit(&net, TRANSMIT, 0);
    CHECK(device_wait(&net, TRANSMIT) >= 0, "drops a frame without a header");
    exchange(62);
}
