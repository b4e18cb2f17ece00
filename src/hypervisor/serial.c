// SPDX-License-Identifier: GPL-3.0-or-later
/* serial.c: registers, a ring, and the two sources of the loop. */
#include "hypervisor/serial.h"
#include "hypervisor/interrupt.h"
#include "hypervisor/machine.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { DATA, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCR, REGISTERS };

#define IER_RECEIVED    0x01
#define IER_TRANSMITTED 0x02
#define IIR_NONE        0x01
#define IIR_TRANSMITTED 0x02
#define IIR_RECEIVED    0x04
#define IIR_FIFO        0xc0
#define FCR_ENABLE      0x01
#define FCR_CLEAR_INPUT 0x02
#define LCR_DIVISOR     0x80 /* registers 0 and 1 are the divisor */
#define MCR_LINES       0x0f
#define MCR_INTERRUPT   0x08 /* OUT2 gates the interrupt on a PC */
#define MCR_LOOPBACK    0x10
#define LSR_RECEIVED    0x01
#define LSR_EMPTY       0x60 /* holding register and transmitter */
#define MSR_CONNECTED   0xb0 /* carrier, ready, clear to send */

static uint8_t pending_interrupt(const struct serial_state *s)
{
    if ((s->interrupts & IER_RECEIVED) != 0 && s->n_received > 0)
        return IIR_RECEIVED;
    if ((s->interrupts & IER_TRANSMITTED) != 0 && s->transmitted)
        return IIR_TRANSMITTED;
    return IIR_NONE;
}

static void update_interrupt(struct serial *serial)
{
    const struct serial_state *s = &serial->state;

    interrupt_line(serial->vm, IRQ_SERIAL,
                   (s->modem_control & MCR_INTERRUPT) != 0 && pending_interrupt(s) != IIR_NONE);
}

static void wake_loop(struct serial *serial)
{
    const uint64_t one = 1;

    (void)!write(serial->work.fd, &one, sizeof(one));
}

/* ---- what the guest does ---- */

static void transmit(struct serial *serial, uint8_t byte)
{
    struct serial_state *s = &serial->state;

    if ((s->modem_control & MCR_LOOPBACK) != 0) {
        if (s->n_received < SERIAL_FIFO)
            s->received[s->n_received++] = byte;
    } else if (serial->line.fd >= 0 && serial->n < SERIAL_RING) {
        serial->ring[(serial->first + serial->n++) % SERIAL_RING] = byte;
        if (serial->n == 1)
            wake_loop(serial);
    }
    s->transmitted = serial->n < SERIAL_RING;
}

static uint8_t receive(struct serial *serial)
{
    struct serial_state *s = &serial->state;
    uint8_t byte = s->received[0];

    if (s->n_received == 0)
        return 0;
    memmove(s->received, s->received + 1, --s->n_received);
    if (s->n_received == 0)
        wake_loop(serial); /* there is room again */
    return byte;
}

/* In loopback the modem's outputs are its inputs. */
static uint8_t modem_status(const struct serial_state *s)
{
    uint8_t out = s->modem_control & MCR_LINES;

    if ((s->modem_control & MCR_LOOPBACK) == 0)
        return MSR_CONNECTED;
    return (uint8_t)((out & 0x0c) << 4 | (out & 0x02) << 3 | (out & 0x01) << 5);
}

static uint8_t interrupt_cause(struct serial *serial)
{
    struct serial_state *s = &serial->state;
    uint8_t cause = pending_interrupt(s);

    if (cause == IIR_TRANSMITTED)
        s->transmitted = false;
    return cause | ((s->fifo_control & FCR_ENABLE) != 0 ? IIR_FIFO : 0);
}

static uint8_t read_register(struct serial *serial, unsigned reg)
{
    struct serial_state *s = &serial->state;
    bool divisor = (s->line_control & LCR_DIVISOR) != 0;

    switch (reg) {
    case DATA:
        return divisor ? s->divisor[0] : receive(serial);
    case IER:
        return divisor ? s->divisor[1] : s->interrupts;
    case IIR_FCR:
        return interrupt_cause(serial);
    case LCR:
        return s->line_control;
    case MCR:
        return s->modem_control;
    case LSR:
        return (uint8_t)((serial->n < SERIAL_RING ? LSR_EMPTY : 0) |
                         (s->n_received > 0 ? LSR_RECEIVED : 0));
    case MSR:
        return modem_status(s);
    default:
        return s->scratch;
    }
}

static void write_register(struct serial *serial, unsigned reg, uint8_t value)
{
    struct serial_state *s = &serial->state;
    bool divisor = (s->line_control & LCR_DIVISOR) != 0;

    if (divisor && reg <= IER) {
        s->divisor[reg] = value;
        return;
    }
    if (reg == DATA) {
        transmit(serial, value);
    } else if (reg == IER) {
        if ((value & ~s->interrupts & IER_TRANSMITTED) != 0)
            s->transmitted = serial->n < SERIAL_RING;
        s->interrupts = value & 0x0f;
    } else if (reg == IIR_FCR) {
        s->fifo_control = value;
        if ((value & FCR_CLEAR_INPUT) != 0)
            s->n_received = 0;
    } else if (reg == LCR) {
        s->line_control = value;
    } else if (reg == MCR) {
        s->modem_control = value & (MCR_LINES | MCR_LOOPBACK);
    } else if (reg == SCR) {
        s->scratch = value;
    }
}

static void on_read(void *device, uint64_t offset, uint8_t *data, unsigned n)
{
    struct serial *serial = device;

    pthread_mutex_lock(&serial->lock);
    for (unsigned i = 0; i < n; i++)
        data[i] = read_register(serial, (unsigned)offset + i);
    update_interrupt(serial);
    pthread_mutex_unlock(&serial->lock);
}

static void on_write(void *device, uint64_t offset, const uint8_t *data, unsigned n)
{
    struct serial *serial = device;

    pthread_mutex_lock(&serial->lock);
    for (unsigned i = 0; i < n; i++)
        write_register(serial, (unsigned)offset + i, data[i]);
    update_interrupt(serial);
    pthread_mutex_unlock(&serial->lock);
}

/* ---- what the outside does ---- */

/* Writes what is in the ring, up to its end. Returns false when nothing more goes out now. */
static bool write_some(struct serial *serial)
{
    unsigned run = SERIAL_RING - serial->first;
    ssize_t done;

    if (serial->n == 0)
        return false;
    done = write(serial->line.fd, serial->ring + serial->first, run < serial->n ? run : serial->n);
    if (done < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (done < 0)
        done = serial->n; /* nobody is there any more */
    serial->first = (serial->first + (unsigned)done) % SERIAL_RING;
    serial->n -= (unsigned)done;
    return true;
}

static void send_out(struct serial *serial)
{
    bool was_full = serial->n == SERIAL_RING;

    while (write_some(serial))
        ;
    if (was_full && serial->n < SERIAL_RING)
        serial->state.transmitted = true;
}

static void take_in(struct serial *serial)
{
    struct serial_state *s = &serial->state;
    ssize_t got = read(serial->line.fd, s->received + s->n_received, SERIAL_FIFO - s->n_received);

    if (got > 0)
        s->n_received = (uint8_t)(s->n_received + got);
    else
        serial->silent = got == 0 || (errno != EAGAIN && errno != EINTR);
}

static void wait_for_more(struct serial *serial)
{
    uint32_t events = serial->n > 0 ? EPOLLOUT : 0;

    if (serial->state.n_received == 0 && !serial->silent)
        events |= EPOLLIN;
    loop_change(serial->loop, &serial->line, events);
}

static void line_ready(void *arg, uint32_t events)
{
    struct serial *serial = arg;

    pthread_mutex_lock(&serial->lock);
    if ((events & EPOLLIN) != 0 && serial->state.n_received < SERIAL_FIFO)
        take_in(serial);
    send_out(serial);
    wait_for_more(serial);
    update_interrupt(serial);
    pthread_mutex_unlock(&serial->lock);
}

static void work_ready(void *arg, uint32_t events)
{
    struct serial *serial = arg;

    loop_drain(serial->work.fd);
    line_ready(serial, events & 0);
}

void serial_loaded(void *device)
{
    struct serial *serial = device;

    if (serial->state.n_received > SERIAL_FIFO)
        serial->state.n_received = 0;
    update_interrupt(serial);
    wake_loop(serial);
}

void serial_finish(struct serial *serial)
{
    struct pollfd line = {serial->line.fd, POLLOUT, 0};

    pthread_mutex_lock(&serial->lock);
    if (serial->line.fd >= 0) {
        send_out(serial);
        if (serial->n > 0 && poll(&line, 1, 1000) > 0)
            send_out(serial);
    }
    pthread_mutex_unlock(&serial->lock);
}

int serial_make(struct serial *serial, int vm, int fd, struct bus *ports, struct loop *loop,
                struct err *e)
{
    struct bus_range range = {PORT_SERIAL, REGISTERS, on_read, on_write, serial};

    pthread_mutex_init(&serial->lock, NULL);
    serial->vm = vm;
    serial->loop = loop;
    serial->line = (struct loop_source){fd, line_ready, serial, 0};
    serial->work =
        (struct loop_source){eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), work_ready, serial, 0};
    serial->state.divisor[0] = 1;
    bus_add(ports, &range);
    if (serial->work.fd < 0)
        return err_errno(e, "an eventfd");
    if (fd < 0)
        return 0;
    if (loop_add(loop, &serial->work, EPOLLIN, e) < 0)
        return -1;
    return loop_add(loop, &serial->line, EPOLLIN, e);
}
