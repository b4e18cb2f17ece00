// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * serial.h: a 16550A serial line on one descriptor, which may be a socket, a pipe or a terminal.
 *
 * The guest's thread only fills a ring; the device loop empties it. When the other side does not
 * read, the guest sees a transmitter that is busy: nothing is lost.
 *
 * Source: PC16550D data sheet, 8 (registers).
 */
#ifndef BERTH_HYPERVISOR_SERIAL_H
#define BERTH_HYPERVISOR_SERIAL_H

#include "hypervisor/bus.h"
#include "hypervisor/loop.h"

#include <pthread.h>
#include <stdbool.h>

#define SERIAL_FIFO 16
#define SERIAL_RING 4096

/* What a saved machine keeps of it. */
struct serial_state {
    uint8_t interrupts, line_control, modem_control, fifo_control,
        scratch; /* IER LCR MCR FCR SCR */
    uint8_t divisor[2];
    uint8_t transmitted; /* 1: the "transmitter empty" interrupt is pending */
    uint8_t received[SERIAL_FIFO];
    uint8_t n_received;
};

struct serial {
    struct serial_state state;
    pthread_mutex_t lock;
    int vm;
    struct loop *loop;
    struct loop_source line; /* the outside */
    bool silent;             /* it will never say anything again */
    struct loop_source work; /* an eventfd: the guest's thread has something for the loop */
    uint8_t ring[SERIAL_RING];
    unsigned first, n; /* of what is in the ring */
};

/* fd: non-blocking, or -1: nobody is there, and what the guest says is lost. */
int serial_make(struct serial *serial, int vm, int fd, struct bus *ports, struct loop *loop,
                struct err *e);

/* After the state was loaded: the line to the interrupt controller again. */
void serial_loaded(void *serial);

/* Gives the outside what it takes without waiting; before the monitor ends. */
void serial_finish(struct serial *serial);

#endif
