// SPDX-License-Identifier: GPL-3.0-or-later
/* How a machine ends, with a process that sleeps in the place of QEMU. */
#include "core/cleanup.h"
#include "engine/engine_qemu.h"
#include "engine/supervise.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>

#include <cmocka.h>

struct fake {
    struct engine engine;
    int server[2]; /* a pipe */
    struct listener listener;
};

/* It says the line on its serial line and the event on its machine protocol, and waits. */
static void start(struct fake *f, const char *line, const char *event)
{
    int serial[2], qmp[2];
    struct err e;

    *f = (struct fake){0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, serial), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, qmp), 0);
    assert_int_equal(pipe(f->server), 0);
    f->engine.pid = fork();
    if (f->engine.pid == 0) {
        char greeting[128];

        close(f->server[1]);
        if (read(qmp[1], greeting, sizeof(greeting)) < 0 ||
            write(serial[1], line, strlen(line)) < 0 || write(qmp[1], event, strlen(event)) < 0)
            _exit(1);
        if (*event == '\0')
            sleep(60);
        _exit(0);
    }
    close(serial[1]);
    close(qmp[1]);
    f->engine.serial = serial[0];
    f->engine.words = memfd_create("words", 0);
    f->engine.pidfd = pidfd_open(f->engine.pid, 0);
    assert_int_equal(engine_qemu_adopt(&f->engine, qmp[0], &e), 0);
}

static int watch(struct fake *f, int patience, enum run_end *end, struct err *e)
{
    struct console console = {.listener = &f->listener};
    struct watch terms = {.console = &console,
                          .signals = -1,
                          .server = f->server[0],
                          .name = "it",
                          .patience = patience};
    int result = supervise(&f->engine, &terms, end, e);

    close(f->server[0]);
    cleanup_close(&f->server[1]);
    return result;
}

static void one_that_powers_off_was_heard_to_the_end(void **state)
{
    struct fake f;
    enum run_end end;
    struct err e;

    (void)state;
    start(&f, "berth: done\n",
          "{\"event\": \"SHUTDOWN\", \"data\": {\"reason\": \"guest-shutdown\"}}\r\n");
    assert_int_equal(watch(&f, -1, &end, &e), 0);
    assert_int_equal(end, RUN_POWERED_OFF);
    assert_string_equal(f.listener.said, "done");
}

static void one_that_says_nothing_for_long_hangs(void **state)
{
    struct fake f;
    enum run_end end;
    struct err e;

    (void)state;
    start(&f, "berth: hello\n", "");
    assert_int_equal(watch(&f, 1000, &end, &e), -1);
    assert_int_equal(e.code, ERR_CRASHED);
    assert_string_equal(e.text, "it hangs: it said nothing for 1 seconds");
}

static void one_whose_disk_ends_is_ended(void **state)
{
    struct fake f;
    enum run_end end;
    struct err e;

    (void)state;
    start(&f, "", "");
    close(f.server[1]);
    f.server[1] = -1;
    assert_int_equal(watch(&f, -1, &end, &e), -1);
    assert_non_null(strstr(e.text, "the server of its disk ended"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_powers_off_was_heard_to_the_end),
        cmocka_unit_test(one_that_says_nothing_for_long_hangs),
        cmocka_unit_test(one_whose_disk_ends_is_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
