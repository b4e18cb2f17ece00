// SPDX-License-Identifier: GPL-3.0-or-later
/* engine_control.c: packets on the control socket. */
#include "engine/engine_control.h"
#include "core/cleanup.h"
#include "hypervisor/control.h"
#include "hypervisor/outcome.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

static int power_down(struct engine *engine, struct err *e)
{
    struct control_packet packet = {.kind = CONTROL_PRESS};

    if (send(engine->machine, &packet, sizeof(packet), MSG_NOSIGNAL) != (ssize_t)sizeof(packet))
        return err_errno(e, "telling the monitor to press the power button");
    return 0;
}

static void window(struct engine *engine, uint16_t columns, uint16_t rows)
{
    struct control_packet packet = {.kind = CONTROL_WINDOW, .columns = columns, .rows = rows};

    (void)send(engine->machine, &packet, sizeof(packet), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static enum engine_fate fate_of(int ending)
{
    switch (ending) {
    case ENDING_OFF:
        return ENGINE_POWERED_OFF;
    case ENDING_RESET:
        return ENGINE_RESET;
    case ENDING_CRASH:
        return ENGINE_PANICKED;
    default:
        return ENGINE_BROKE;
    }
}

static int hear(struct engine *engine, struct err *e)
{
    struct control_packet packet;
    ssize_t got = recv(engine->machine, &packet, sizeof(packet), MSG_DONTWAIT);

    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return 1;
    if (got <= 0)
        return 0;
    if (got != (ssize_t)sizeof(packet))
        return err_set(e, ERR_FAILED, "the monitor said something that makes no sense");
    if (packet.kind == CONTROL_RUNNING) {
        engine->runs = true;
        engine->lacks = packet.lacks;
    }
    if (packet.kind == CONTROL_ENDED) {
        packet.text[sizeof(packet.text) - 1] = '\0';
        engine->fate = fate_of(packet.ending);
        snprintf(engine->why, sizeof(engine->why), "%s", packet.text);
    }
    return 1;
}

/* The exit status says the same as its last word; where it could not say that, it stands. */
static void settle(struct engine *engine, int status)
{
    engine->fate = WIFEXITED(status) ? fate_of(WEXITSTATUS(status)) : ENGINE_BROKE;
}

/* It ends by itself with the monitor's end of its socket; where it is no child of this process any
 * more, that is relied on. */
static void end_network(struct engine *engine)
{
    if (engine->net <= 0 || waitpid(engine->net, NULL, WNOHANG) != 0)
        return;
    kill(engine->net, SIGTERM);
    while (waitpid(engine->net, NULL, 0) < 0 && errno == EINTR)
        ;
}

static void close_control(struct engine *engine)
{
    cleanup_close(&engine->machine);
    end_network(engine);
    engine->net = 0;
}

const struct engine_ops engine_control = {.program = "the monitor",
                                          .power_down = power_down,
                                          .window = window,
                                          .hear = hear,
                                          .settle = settle,
                                          .close = close_control};
