// SPDX-License-Identifier: GPL-3.0-or-later
/* lives.c: a guest to be looked after: says on its serial line that it is up, what it hears, the
 * console window's size and the power button; ends as it is told by a letter. */
#include "guest.h"

#define CONSOLE 3

static struct device console;
static uint16_t columns;

static void look_at_window(void)
{
    uint16_t now = load16(console.own);

    if (now == columns)
        return;
    columns = now;
    say("window ");
    say_number(columns);
    say(" ");
    say_number(load16(console.own + 2));
    say("\n");
}

static void hear(uint8_t letter)
{
    switch (letter) {
    case 'q':
        say("off\n");
        power_off();
    case 'r':
        say("again\n");
        out8(PORT_RESET, RESET_VALUE);
        break;
    case 'p':
        fail("as it was told");
    default:
        say("heard ");
        say_number(letter);
        say("\n");
    }
}

void guest_main(void)
{
    bool stubborn = command_line_has("stubborn");

    CHECK(device_find(&console, CONSOLE), "there is a console");
    out16(PORT_PM_EVT + 2, 0x100);
    say("up\n");
    for (;;) {
        look_at_window();
        if ((in8(PORT_SERIAL + 5) & 1) != 0)
            hear(in8(PORT_SERIAL));
        if ((in16(PORT_PM_EVT) & 0x100) != 0) {
            out16(PORT_PM_EVT, 0x100);
            say("button\n");
            if (!stubborn)
                return;
        }
    }
}
