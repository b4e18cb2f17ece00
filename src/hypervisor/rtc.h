// SPDX-License-Identifier: GPL-3.0-or-later
/* rtc.h: the battery-backed clock. It shows the host's time, UTC, 24 hours, BCD; what a guest sets
 * is forgotten, as the next boot would show the host's time anyway.
 * Source: Motorola MC146818A data sheet; ACPI 6.4, table 5.9 (the century's place). */
#ifndef BERTH_HYPERVISOR_RTC_H
#define BERTH_HYPERVISOR_RTC_H

#include "hypervisor/bus.h"

#include <pthread.h>

#define RTC_CENTURY 0x32
#define RTC_BYTES   128

struct rtc_state {
    uint8_t index;
    uint8_t bytes[RTC_BYTES]; /* what a guest keeps behind the clock */
};

struct rtc {
    struct rtc_state state;
    pthread_mutex_t lock;
};

void rtc_make(struct rtc *rtc, struct bus *ports);

/* After the state was loaded, from a file that anybody may have written. */
void rtc_loaded(void *rtc);

#endif
