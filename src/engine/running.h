// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * running.h: which guests of this user run: in the runtime folder (BERTH_RUNTIME, else /run/berth
 * for root, else XDG_RUNTIME_DIR/berth) each has a socket (hub.h) and a card, a JSON file that says
 * what it is. Both go when the guest does; of one whose supervisor was killed the card stays, with
 * which its engine is found.
 */
#ifndef BERTH_ENGINE_RUNNING_H
#define BERTH_ENGINE_RUNNING_H

#include "core/err.h"
#include "engine/hub.h"

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

enum running_state {
    RUNNING_LOOKED_AFTER,
    RUNNING_ALONE, /* its supervisor was killed; the engine goes on */
};

struct running {
    char *name, *disk, *engine, *net;
    char *note;      /* what it runs without, or with instead, and why; or NULL */
    uint64_t memory; /* bytes */
    unsigned cpus;
    bool ephemeral;
    time_t since;
    pid_t pid;           /* of the engine */
    uint64_t started;    /* its start, as /proc/PID/stat has it (clock ticks) */
    char *card, *socket; /* paths */
    char *machine;       /* where QEMU listens itself, for when it is alone */
    enum running_state state;
    struct hub_packet status; /* HUB_STATUS, of one that is looked after */
};

struct running_list {
    struct running *items;
    size_t n;
};

void running_list_free(struct running_list *list);

/* Makes the socket of a guest, which from then on can be found; says its card anew when there is
 * one already. running: all but paths, started, state and status. key: tells two guests of one
 * disk and name apart. */
int running_announce(const struct running *running, const char *key, struct hub *hub,
                     struct err *e);

/* Makes the socket at which the engine itself hears its machine protocol: it outlives the
 * supervisor. To be called before the engine starts, which gets the descriptor; arguments as of
 * running_announce, of which name and disk are looked at. */
int running_listen_machine(const struct running *running, const char *key, struct hub *hub,
                           struct err *e);

/* Lists those that run; what is left of others is removed. */
int running_find_all(struct running_list *list, struct err *e);

/* The one of that name. disk: only there, or NULL. ERR_NOT_FOUND with the names of those that run;
 * ERR_USAGE when there are several. */
int running_find(const char *name, const char *disk, struct running_list *list,
                 const struct running **found, struct err *e);

/* A connection to its hub, and one to the engine itself: descriptors. */
int running_connect(const struct running *running, struct err *e);
int running_connect_machine(const struct running *running, struct err *e);

enum running_end {
    RUNNING_KILL,
    RUNNING_PRESS, /* the power button: the monitor's only */
    RUNNING_WATCH, /* nothing is done to it */
};

/* For one that is alone: does that to its engine. A descriptor that becomes readable when it has
 * ended. */
int running_signal(const struct running *running, enum running_end how, struct err *e);

#endif
