// SPDX-License-Identifier: GPL-3.0-or-later
/* running.c: sockets and cards: NAME-KEY.sock, NAME-KEY.json, and of QEMU NAME-KEY.qmp. */
#include "engine/running.h"
#include "core/cleanup.h"
#include "core/digest.h"
#include "core/folders.h"
#include "core/io.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#define CARD_MAX  (64 * 1024)
#define KEY_CHARS 8
#define ASK_WAIT  2 /* seconds a supervisor has to answer */
#define CARD      ".json"
#define SOCKET    ".sock"
#define MACHINE   ".qmp"

/* ---- processes ---- */

/* When the process began (proc(5), field 22 of stat); 0: there is none, or it is a zombie. */
static uint64_t process_start(pid_t pid)
{
    char path[64], state = 'Z';
    _cleanup_free_ char *stat = NULL;
    unsigned long long start = 0;
    struct err ignored;
    const char *rest;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    if (io_read_file(path, 4096, &stat, NULL, &ignored) < 0 || (rest = strrchr(stat, ')')) == NULL)
        return 0;
    if (sscanf(rest,
               ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
               "%*d %llu",
               &state, &start) != 2)
        return 0;
    return state == 'Z' ? 0 : start;
}

/* ---- addresses ---- */

/* A socket's path may be longer than an address: it is reached through its folder's descriptor. */
static int address(const char *path, struct sockaddr_un *at, int *folder, struct err *e)
{
    const char *base = strrchr(path, '/');
    _cleanup_free_ char *parent = base == NULL ? NULL : strndup(path, (size_t)(base - path));
    int len;

    if (parent == NULL)
        return err_no_memory(e);
    *folder = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*folder < 0)
        return err_errno(e, "%s", parent);
    at->sun_family = AF_UNIX;
    len = snprintf(at->sun_path, sizeof(at->sun_path), "/proc/self/fd/%d%s", *folder, base);
    if (len >= (int)sizeof(at->sun_path))
        return err_set(e, ERR_USAGE, "%s: its name is too long for a socket", path);
    return 0;
}

static int new_socket(int type, struct err *e)
{
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

    return fd < 0 ? err_errno(e, "a socket") : fd;
}

static int listen_at(const char *path, int type, struct err *e)
{
    _cleanup_close_ int fd = new_socket(type | SOCK_NONBLOCK, e), folder = -1;
    struct sockaddr_un at;

    if (fd < 0 || address(path, &at, &folder, e) < 0)
        return -1;
    unlink(path); /* the claims say that nobody runs it */
    if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
        listen(fd, HUB_CLIENTS) < 0)
        return err_errno(e, "%s", path);
    return steal_fd(&fd);
}

static int connect_to(const char *path, int type, struct err *e)
{
    _cleanup_close_ int fd = new_socket(type, e), folder = -1;
    const struct timeval patience = {.tv_sec = ASK_WAIT};
    struct sockaddr_un at;

    if (fd < 0 || address(path, &at, &folder, e) < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
        connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
        return err_errno(e, "%s", path);
    return steal_fd(&fd);
}

int running_connect(const struct running *running, struct err *e)
{
    return connect_to(running->socket, SOCK_SEQPACKET, e);
}

int running_connect_machine(const struct running *running, struct err *e)
{
    return connect_to(running->machine, SOCK_STREAM, e);
}

/* ---- making them ---- */

static int write_card(const struct running *r, const char *path, struct err *e)
{
    json_t *card = json_pack("{s:s, s:s, s:s, s:s, s:s?, s:I, s:i, s:b, s:I, s:i, s:I}", "name",
                             r->name, "disk", r->disk, "engine", r->engine, "net", r->net, "note",
                             r->note, "memory", (json_int_t)r->memory, "cpus", (int)r->cpus,
                             "ephemeral", (int)r->ephemeral, "since", (json_int_t)r->since, "pid",
                             (int)r->pid, "started", (json_int_t)process_start(r->pid));
    _cleanup_free_ char *text = card == NULL ? NULL : json_dumps(card, JSON_INDENT(1));

    json_decref(card);
    return text == NULL ? err_no_memory(e) : io_replace_file(path, text, strlen(text), 0600, e);
}

/* A name may be anything; a file's may not. */
static void plain(char *name)
{
    for (char *c = name; *c != '\0'; c++)
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", *c) == NULL)
            *c = '_';
}

static int choose_paths(const struct running *running, const char *key, struct hub *hub,
                        struct err *e)
{
    _cleanup_free_ char *folder = runtime_folder(e), *name = strdup(running->name),
                        *what = io_format(e, "%s\n%s", running->disk, key);
    char hex[DIGEST_HEX];

    if (folder == NULL || what == NULL)
        return -1;
    if (name == NULL)
        return err_no_memory(e);
    plain(name);
    digest_hex_of(what, strlen(what), hex);
    hex[KEY_CHARS] = '\0';
    if (snprintf(hub->card, HUB_PATH, "%s/%s-%s" CARD, folder, name, hex) >= HUB_PATH ||
        snprintf(hub->socket, HUB_PATH, "%s/%s-%s" SOCKET, folder, name, hex) >= HUB_PATH ||
        snprintf(hub->machine, HUB_PATH, "%s/%s-%s" MACHINE, folder, name, hex) >= HUB_PATH)
        return err_set(e, ERR_USAGE, "%s: its name is too long", folder);
    return 0;
}

int running_listen_machine(const struct running *running, const char *key, struct hub *hub,
                           struct err *e)
{
    return choose_paths(running, key, hub, e) < 0 ? -1 : listen_at(hub->machine, SOCK_STREAM, e);
}

int running_announce(const struct running *running, const char *key, struct hub *hub, struct err *e)
{
    if (hub->listen < 0) {
        if (choose_paths(running, key, hub, e) < 0)
            return -1;
        hub->listen = listen_at(hub->socket, SOCK_SEQPACKET, e);
        if (hub->listen < 0)
            return -1;
    }
    return write_card(running, hub->card, e);
}

/* ---- finding them ---- */

static void running_free(struct running *running)
{
    free(running->name);
    free(running->disk);
    free(running->engine);
    free(running->net);
    free(running->note);
    free(running->card);
    free(running->socket);
    free(running->machine);
}

void running_list_free(struct running_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        running_free(&list->items[i]);
    free(list->items);
}

static int parse_card(json_t *card, struct running *r, struct err *e)
{
    const char *name, *disk, *engine, *net, *note;
    json_int_t memory, since, started;
    int cpus, ephemeral, pid;

    if (json_unpack(card, "{s:s, s:s, s:s, s:I, s:i, s:b, s:I, s:i, s:I}", "name", &name, "disk",
                    &disk, "engine", &engine, "memory", &memory, "cpus", &cpus, "ephemeral",
                    &ephemeral, "since", &since, "pid", &pid, "started", &started) < 0)
        return err_set(e, ERR_USAGE, "it is no card of a guest");
    net = json_string_value(json_object_get(card, "net"));
    note = json_string_value(json_object_get(card, "note"));
    r->name = strdup(name);
    r->disk = strdup(disk);
    r->engine = strdup(engine);
    r->net = strdup(net != NULL ? net : "");
    r->note = note != NULL ? strdup(note) : NULL;
    if (r->name == NULL || r->disk == NULL || r->engine == NULL || r->net == NULL ||
        (note != NULL && r->note == NULL))
        return err_no_memory(e);
    r->memory = (uint64_t)memory;
    r->cpus = (unsigned)cpus;
    r->ephemeral = ephemeral != 0;
    r->since = (time_t)since;
    r->pid = pid;
    r->started = (uint64_t)started;
    return 0;
}

static int read_card(struct running *running, struct err *e)
{
    _cleanup_free_ char *text = NULL;
    json_t *card;
    size_t len;
    int result;

    if (io_read_file(running->card, CARD_MAX, &text, &len, e) < 0)
        return -1;
    card = json_loadb(text, len, 0, NULL);
    result = parse_card(card, running, e);
    json_decref(card);
    return result;
}

/* Asks its supervisor, which may be in the middle of a reboot and not answer. False when there is
 * none. */
static bool ask(struct running *running)
{
    const struct timeval patience = {.tv_sec = ASK_WAIT};
    struct hub_packet question = {.kind = HUB_ASK};
    struct err ignored;
    _cleanup_close_ int fd = running_connect(running, &ignored);

    if (fd < 0)
        return false;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
        hub_send(fd, &question) < 0 || hub_receive(fd, &running->status, 0) <= 0)
        running->status = (struct hub_packet){.kind = HUB_STATUS};
    return true;
}

/* True when the guest runs; what is left of one that does not is removed. */
static bool is_there(struct running *running)
{
    running->state = RUNNING_LOOKED_AFTER;
    if (ask(running))
        return true;
    running->state = RUNNING_ALONE;
    if (running->started != 0 && process_start(running->pid) == running->started)
        return true;
    unlink(running->socket);
    unlink(running->machine);
    unlink(running->card);
    return false;
}

/* The file of that name in folder. 1: it is the card of one that runs. */
static int look_at(const char *folder, const char *name, struct running *running, struct err *e)
{
    size_t len = strlen(name), stem = len - strlen(CARD);
    struct err ignored;

    if (len <= strlen(CARD) || strcmp(name + stem, CARD) != 0)
        return 0;
    running->card = io_format(e, "%s/%s", folder, name);
    running->socket = io_format(e, "%s/%.*s" SOCKET, folder, (int)stem, name);
    running->machine = io_format(e, "%s/%.*s" MACHINE, folder, (int)stem, name);
    if (running->card == NULL || running->socket == NULL || running->machine == NULL)
        return -1;
    return read_card(running, &ignored) == 0 && is_there(running);
}

static int add_one(struct running_list *list, const char *folder, const char *name, struct err *e)
{
    struct running one = {0};
    struct running *grown;
    int result = look_at(folder, name, &one, e);

    if (result <= 0) {
        running_free(&one);
        return result;
    }
    grown = realloc(list->items, (list->n + 1) * sizeof(*grown));
    if (grown == NULL) {
        running_free(&one);
        return err_no_memory(e);
    }
    list->items = grown;
    list->items[list->n++] = one;
    return 0;
}

int running_find_all(struct running_list *list, struct err *e)
{
    _cleanup_free_ char *folder = runtime_folder(e);
    struct dirent **names = NULL;
    int n, result = 0;

    *list = (struct running_list){0};
    if (folder == NULL)
        return -1;
    n = scandir(folder, &names, NULL, alphasort);
    if (n < 0)
        return err_errno(e, "%s", folder);
    for (int i = 0; i < n; i++) {
        if (result == 0)
            result = add_one(list, folder, names[i]->d_name, e);
        free(names[i]);
    }
    free(names);
    return result;
}

/* ---- one of them ---- */

static int none_of_that_name(const char *name, const struct running_list *list, struct err *e)
{
    char names[400] = "";
    size_t fill = 0;

    err_set(e, ERR_NOT_FOUND, "%s does not run", name);
    for (size_t i = 0; i < list->n && fill < sizeof(names); i++)
        fill += (size_t)snprintf(names + fill, sizeof(names) - fill, "%s%s", i > 0 ? ", " : "",
                                 list->items[i].name);
    return list->n == 0 ? err_hint(e, "no guest of this user runs")
                        : err_hint(e, "those that run: %s", names);
}

static bool is_on(const struct running *running, const char *disk)
{
    char path[PATH_MAX];

    return disk == NULL || strcmp(realpath(disk, path) != NULL ? path : disk, running->disk) == 0;
}

int running_find(const char *name, const char *disk, struct running_list *list,
                 const struct running **found, struct err *e)
{
    *found = NULL;
    if (running_find_all(list, e) < 0)
        return -1;
    for (size_t i = 0; i < list->n; i++) {
        const struct running *one = &list->items[i];

        if (strcmp(one->name, name) != 0 || !is_on(one, disk))
            continue;
        if (*found != NULL) {
            err_set(e, ERR_USAGE, "%s runs on %s and on %s", name, (*found)->disk, one->disk);
            return strcmp((*found)->disk, one->disk) != 0
                       ? err_hint(e, "say which with --disk")
                       : err_hint(e, "berth run NAME --kernel FILE gives each a name of its own");
        }
        *found = one;
    }
    return *found != NULL ? 0 : none_of_that_name(name, list, e);
}

int running_signal(const struct running *running, enum running_end how, struct err *e)
{
    _cleanup_close_ int fd = pidfd_open(running->pid, 0);

    if (fd < 0 || process_start(running->pid) != running->started)
        return err_set(e, ERR_NOT_FOUND, "%s has ended", running->name);
    if (how != RUNNING_WATCH &&
        pidfd_send_signal(fd, how == RUNNING_PRESS ? SIGTERM : SIGKILL, NULL, 0) < 0)
        return err_errno(e, "%s", running->name);
    return steal_fd(&fd);
}
