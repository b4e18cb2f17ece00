// SPDX-License-Identifier: GPL-3.0-or-later
/* qmp.c: one JSON object a line, in both directions. */
#include "engine/qmp.h"
#include "core/cleanup.h"

#include <jansson.h>
#include <string.h>
#include <sys/socket.h>

static int send_command(struct qmp *qmp, const char *command, struct err *e)
{
    char line[128];
    int len = snprintf(line, sizeof(line), "{\"execute\": \"%s\"}\r\n", command);

    if (send(qmp->fd, line, (size_t)len, MSG_NOSIGNAL) != len)
        return err_errno(e, "telling QEMU to %s", command);
    return 0;
}

int qmp_open(struct qmp *qmp, int fd, struct err *e)
{
    qmp->fd = fd;
    qmp->fill = 0;
    qmp->shutdown = ENGINE_RUNNING;
    return send_command(qmp, "qmp_capabilities", e);
}

void qmp_close(struct qmp *qmp)
{
    cleanup_close(&qmp->fd);
    qmp->fd = -1;
}

int qmp_power_down(struct qmp *qmp, struct err *e)
{
    return send_command(qmp, "system_powerdown", e);
}

/* ShutdownCause */
static enum engine_fate shutdown_of(const char *reason)
{
    static const struct {
        const char *reason;
        enum engine_fate means;
    } table[] = {
        {"guest-shutdown", ENGINE_POWERED_OFF},
        {"guest-reset", ENGINE_RESET},
        {"subsystem-reset", ENGINE_RESET},
        {"guest-panic", ENGINE_PANICKED},
    };

    for (size_t i = 0; reason != NULL && i < sizeof(table) / sizeof(table[0]); i++)
        if (strcmp(table[i].reason, reason) == 0)
            return table[i].means;
    return ENGINE_BROKE;
}

static int take_line(struct qmp *qmp, const char *line, size_t len, struct err *e)
{
    json_t *object = json_loadb(line, len, 0, NULL);
    const char *event, *reason = NULL;

    if (object == NULL)
        return err_set(e, ERR_FAILED, "QEMU's machine protocol: not JSON");
    event = json_string_value(json_object_get(object, "event"));
    reason = json_string_value(json_object_get(json_object_get(object, "data"), "reason"));
    if (event != NULL && strcmp(event, "GUEST_PANICKED") == 0)
        qmp->shutdown = ENGINE_PANICKED;
    /* A panic shuts the machine down as well; the first word stands. */
    if (event != NULL && strcmp(event, "SHUTDOWN") == 0 && qmp->shutdown == ENGINE_RUNNING)
        qmp->shutdown = shutdown_of(reason);
    json_decref(object);
    return 0;
}

int qmp_read(struct qmp *qmp, struct err *e)
{
    ssize_t got = recv(qmp->fd, qmp->buf + qmp->fill, sizeof(qmp->buf) - qmp->fill, MSG_DONTWAIT);
    char *end;

    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return 1;
    if (got <= 0)
        return 0;
    qmp->fill += (size_t)got;
    while ((end = memchr(qmp->buf, '\n', qmp->fill)) != NULL) {
        size_t len = (size_t)(end - qmp->buf) + 1;

        if (take_line(qmp, qmp->buf, len, e) < 0)
            return -1;
        qmp->fill -= len;
        memmove(qmp->buf, end + 1, qmp->fill);
    }
    if (qmp->fill == sizeof(qmp->buf))
        return err_set(e, ERR_FAILED, "QEMU's machine protocol: a line without end");
    return 1;
}
