// SPDX-License-Identifier: GPL-3.0-or-later
/* board.c: what is soldered on: clock, serial line, PCI configuration, ACPI tables; and the ways to
 * end, by a word of the command line. */
#include "guest.h"

#define RNG 4

static uint8_t cmos(uint8_t index)
{
    out8(PORT_RTC, index);
    return in8(PORT_RTC + 1);
}

static uint8_t number(uint8_t bcd)
{
    return (uint8_t)(bcd / 16 * 10 + bcd % 16);
}

static void clock_runs(void)
{
    CHECK((cmos(0x0b) & 0x06) == 0x02, "the clock counts 24 hours in BCD");
    CHECK((cmos(0x0d) & 0x80) != 0, "the clock's battery is good");
    CHECK(number(cmos(0)) < 60 && number(cmos(2)) < 60 && number(cmos(4)) < 24,
          "the clock shows a time");
    CHECK(number(cmos(0x32)) == 20 && number(cmos(9)) >= 24, "the clock shows this century");
    out8(PORT_RTC, 0x50);
    out8(PORT_RTC + 1, 0x5a);
    CHECK(cmos(0x50) == 0x5a, "the clock's memory keeps a byte");
}

static void serial_works(void)
{
    out8(PORT_SERIAL + 3, 0x80);
    out8(PORT_SERIAL, 12);
    CHECK(in8(PORT_SERIAL) == 12, "the divisor can be read");
    out8(PORT_SERIAL + 3, 3);
    out8(PORT_SERIAL + 7, 0x77);
    CHECK(in8(PORT_SERIAL + 7) == 0x77, "the scratch register keeps a byte");
    out8(PORT_SERIAL + 4, 0x1f); /* loopback, all lines on */
    CHECK(in8(PORT_SERIAL + 6) == 0xf0, "the modem's lines come back");
    out8(PORT_SERIAL, 'x');
    CHECK((in8(PORT_SERIAL + 5) & 1) != 0 && in8(PORT_SERIAL) == 'x', "a byte comes back");
    out8(PORT_SERIAL + 4, 0);
    CHECK(in8(PORT_SERIAL + 2) == 0x01, "no interrupt is pending");
}

static void bus_is_there(void)
{
    struct device found;
    uint64_t rng;
    uint32_t window;

    CHECK(device_find(&found, RNG), "there is a device of randomness");
    rng = found.config;
    window = load32(rng + 0x10);
    CHECK(load32(ECAM_BASE + 8) >> 8 == 0x060000, "slot 0 is a host bridge");
    CHECK(load32(ECAM_BASE + 7 * 0x8000) == 0xffffffff, "an empty slot reads as ones");
    CHECK(load32(rng + 0x1000) == 0xffffffff || load32(rng + 0x1000) == 0,
          "there is one function a device");
    store32(rng + 0x10, 0xffffffff);
    CHECK(load32(rng + 0x10) == 0xffff8000, "a window's size can be found out");
    store32(rng + 0x10, window + 0x100000);
    store16(rng + 4, 2);
    CHECK(load16(window + 0x100000 + 18) == 1, "a window moves"); /* one queue */
    CHECK(load16(window + 18) == 0xffff, "a window leaves its old place");
    store16(rng + 4, 0);
    CHECK(load16(window + 0x100000 + 18) == 0xffff, "a window can be switched off");
    CHECK(load32(rng + 0x100) == 0, "there are no extended capabilities");
}

static uint8_t sum(uint64_t address, uint32_t bytes)
{
    uint8_t total = 0;

    for (uint32_t i = 0; i < bytes; i++)
        total = (uint8_t)(total + load8(address + i));
    return total;
}

static void tables_add_up(void)
{
    uint64_t rsdp = ACPI_TABLES, xsdt = *(volatile uint64_t *)(rsdp + 24);

    CHECK(load32(rsdp) == 0x20445352 && sum(rsdp, 20) == 0 && sum(rsdp, 36) == 0,
          "the RSDP is right");
    CHECK(sum(xsdt, load32(xsdt + 4)) == 0, "the XSDT is right");
    for (uint64_t at = xsdt + 36; at < xsdt + load32(xsdt + 4); at += 8) {
        uint64_t table = (uint64_t)load32(at) | (uint64_t)load32(at + 4) << 32;

        CHECK(sum(table, load32(table + 4)) == 0, "each table is right");
        if (load32(table) == 0x50434146) /* "FACP" */
            CHECK(sum(load32(table + 40), load32(load32(table + 40) + 4)) == 0,
                  "the DSDT is right");
    }
}

static void the_button_shows(void)
{
    out16(PORT_PM_EVT, 0x100);
    CHECK(in16(PORT_PM_EVT) == 0, "the button is not pressed");
    out16(PORT_PM_EVT + 2, 0x100);
    say("press\n");
    while ((in16(PORT_PM_EVT) & 0x100) == 0)
        ;
    out16(PORT_PM_EVT, 0x100);
    CHECK(in16(PORT_PM_EVT) == 0, "the button's bit clears");
}

void guest_main(void)
{
    if (command_line_has("reset"))
        out8(PORT_RESET, RESET_VALUE);
    if (command_line_has("keyboard"))
        out8(PORT_I8042, 0xfe);
    if (command_line_has("panic"))
        out8(PORT_PANIC, 1);
    if (command_line_has("triple"))
        __asm__ volatile("lidt %0; ud2" : : "m"(*(const uint64_t[2]){0}));
    if (command_line_has("press"))
        the_button_shows();
    if (command_line_has("check")) {
        CHECK(in8(0x1234) == 0xff, "an unused port reads as ones");
        clock_runs();
        serial_works();
        bus_is_there();
        tables_add_up();
    }
}
