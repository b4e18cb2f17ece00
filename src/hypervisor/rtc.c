// SPDX-License-Identifier: GPL-3.0-or-later
/* rtc.c: an index port and a data port. */
#include "hypervisor/rtc.h"
#include "hypervisor/machine.h"

#include <time.h>

enum {
    SECONDS = 0,
    MINUTES = 2,
    HOURS = 4,
    WEEKDAY = 6,
    DAY,
    MONTH,
    YEAR,
    STATUS_A,
    STATUS_B,
    STATUS_C,
    STATUS_D,
    FIRST_FREE
};

#define DIVIDER_32KHZ 0x26 /* status A: running, 1024 Hz rate */
#define MODE_24H_BCD  0x02 /* status B */
#define BATTERY_GOOD  0x80 /* status D */

static uint8_t bcd(int value)
{
    return (uint8_t)(value / 10 << 4 | value % 10);
}

static uint8_t clock_register(uint8_t index)
{
    time_t now = time(NULL);
    struct tm tm;

    gmtime_r(&now, &tm);
    switch (index) {
    case SECONDS:
        return bcd(tm.tm_sec);
    case MINUTES:
        return bcd(tm.tm_min);
    case HOURS:
        return bcd(tm.tm_hour);
    case WEEKDAY:
        return bcd(tm.tm_wday + 1);
    case DAY:
        return bcd(tm.tm_mday);
    case MONTH:
        return bcd(tm.tm_mon + 1);
    case YEAR:
        return bcd(tm.tm_year % 100);
    default: /* the century */
        return bcd((tm.tm_year + 1900) / 100);
    }
}

static uint8_t read_register(const struct rtc_state *state)
{
    uint8_t index = state->index;

    switch (index) {
    case STATUS_A:
        return DIVIDER_32KHZ;
    case STATUS_B:
        return MODE_24H_BCD;
    case STATUS_C:
        return 0;
    case STATUS_D:
        return BATTERY_GOOD;
    case SECONDS:
    case MINUTES:
    case HOURS:
    case WEEKDAY:
    case DAY:
    case MONTH:
    case YEAR:
    case RTC_CENTURY:
        return clock_register(index);
    default:
        return state->bytes[index];
    }
}

static void on_read(void *device, uint64_t offset, uint8_t *data, unsigned n)
{
    struct rtc *rtc = device;

    pthread_mutex_lock(&rtc->lock);
    for (unsigned i = 0; i < n; i++)
        data[i] = offset + i == 0 ? 0xff : read_register(&rtc->state);
    pthread_mutex_unlock(&rtc->lock);
}

static void on_write(void *device, uint64_t offset, const uint8_t *data, unsigned n)
{
    struct rtc *rtc = device;
    struct rtc_state *state = &rtc->state;

    pthread_mutex_lock(&rtc->lock);
    for (unsigned i = 0; i < n; i++)
        if (offset + i == 0)
            state->index = data[i] % RTC_BYTES; /* its top bit is the NMI's mask */
        else if (state->index >= FIRST_FREE)
            state->bytes[state->index] = data[i];
    pthread_mutex_unlock(&rtc->lock);
}

void rtc_loaded(void *device)
{
    struct rtc *rtc = device;

    rtc->state.index %= RTC_BYTES;
}

void rtc_make(struct rtc *rtc, struct bus *ports)
{
    struct bus_range range = {PORT_RTC, 2, on_read, on_write, rtc};

    pthread_mutex_init(&rtc->lock, NULL);
    tzset(); /* or the first gmtime_r looks for a file, in a thread that must not */
    bus_add(ports, &range);
}
