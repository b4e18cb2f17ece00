// SPDX-License-Identifier: GPL-3.0-or-later
/* keeper_main.c: berth-keeper: supervises one boot of a guest, then ends as `berth run` does, or
 * becomes berth for the next boot. */
#include "core/cleanup.h"
#include "engine/engine_control.h"
#include "engine/keeper.h"
#include "engine/supervise.h"

#include <syslog.h>

static struct keeper keeper;

static int stay(enum run_end *end, struct err *e)
{
    struct console console;
    struct engine engine = {.ops = &engine_control,
                            .pid = keeper.pid,
                            .net = keeper.net,
                            .pidfd = keeper.pidfd,
                            .serial = keeper.serial,
                            .console = keeper.console,
                            .machine = keeper.machine,
                            .words = keeper.words};
    struct watch watch = {.console = &console,
                          .signals = supervise_signals(e),
                          .server = -1,
                          .name = keeper.name,
                          .patience = -1,
                          .hub = &keeper.hub,
                          .leaves = keeper.leaves};
    int status, result;

    if (watch.signals < 0 || console_open(&console, e) < 0) {
        engine_end(&engine, true, &status, NULL, 0);
        return -1;
    }
    result = supervise(&engine, &watch, end, e);
    console_close(&console);
    close(watch.signals);
    return result;
}

static int stay_and_go_on(char **argv, enum run_end *end, struct err *e)
{
    if (stay(end, e) < 0)
        return -1;
    if (*end != RUN_RESET || keeper.no_reboot)
        return 0;
    keeper.pidfd = keeper.serial = keeper.console = keeper.machine = keeper.words = -1;
    return keeper_pass(&keeper, keeper.program, argv, e);
}

/* A guest that nobody looks at has the system's log. */
static int report(const struct err *e)
{
    if (keeper.hub.foreground)
        fprintf(stderr, "berth: %s\n", e->text);
    else
        syslog(LOG_DAEMON | LOG_ERR, "berth: %s", e->text);
    return err_exit_status(e->code);
}

int main(int argc, char **argv)
{
    enum run_end end = RUN_ENDED;
    struct err err = {.text = ""};
    int status;

    (void)argc;
    if (keeper_receive(&keeper, &err) < 0) {
        fprintf(stderr, "%s: %s; it is berth's own\n", KEEPER_PROGRAM, err.text);
        return 2;
    }
    status = stay_and_go_on(argv, &end, &err) < 0 ? report(&err) : supervise_status(end);
    handover_close(&keeper.held); /* who hears that it is over may run it again */
    hub_over(&keeper.hub, status, err.text);
    return status;
}
