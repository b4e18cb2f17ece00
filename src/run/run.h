// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * run.h: boots an installed system beside the running host, and stays with it.
 *
 * The supervisor (the caller, and then the keeper that it becomes) holds the claims and the
 * console. With QEMU a jailed server holds the claims too and serves the view; it ends when the
 * engine's socket closes. The monitor holds them itself. So no engine ever runs without claims, and
 * no claim outlives the engine; an engine outlives a supervisor that was killed, and is found by
 * `berth ps`.
 */
#ifndef BERTH_RUN_RUN_H
#define BERTH_RUN_RUN_H

#include "core/err.h"
#include "core/ui.h"
#include "engine/keeper.h"
#include "engine/publish.h"
#include "engine/supervise.h"
#include "model/survey.h"
#include "run/bare.h"

#include <stdbool.h>
#include <stdint.h>

#define RUN_CPUS_MAX 64

/* What this process may open. */
enum run_reach {
    RUN_DISK,
    RUN_DISK_READ, /* all of the disk, but to read; its partition's node for writing */
    RUN_PARTITION, /* that node, and no more (node_guest.h) */
};

struct run_request {
    const struct survey *survey; /* of the disk, with its record */
    enum run_reach reach;
    const char *name;            /* of the system */
    const struct bare *bare;     /* not NULL: a kernel that `name` is only a word for; no survey */
    uint64_t memory;             /* bytes; 0: what the record says, else 1 GiB */
    unsigned cpus;               /* 0: what the record says, else 1 */
    const char *net;             /* as net_check has it; NULL: what the record says, else "user" */
    const struct publish *ports; /* n_ports of the host's that lead to the guest's */
    size_t n_ports;
    const char *engine;    /* "auto", "kvm" or "qemu"; NULL: what the record says, else auto */
    bool ephemeral;        /* keep every change in a temporary file */
    bool no_reboot;        /* end when the guest reboots */
    bool detach;           /* leave it in the background as soon as it runs */
    bool again;            /* it runs already, and has rebooted */
    struct keeper *keeper; /* from keeper_was, with `again` */
    struct ui *ui;
};

/* Fails with ERR_USAGE or ERR_NO_SPACE for what this request asks for and no system could have:
 * to be asked before anything is read. */
int run_check(const struct run_request *request, struct err *e);

/*
 * Runs the system until it powers off (RUN_POWERED_OFF), reboots with no_reboot set (RUN_RESET), or
 * is ended by the person (RUN_ENDED). A reboot reads kernel and initrd afresh, under the same
 * claims. With the monitor it does not return where all goes well: this process becomes the keeper
 * (keeper.h), which exits with the same status. Errors: those of guest_find and guest_claim,
 * ERR_CRASHED.
 */
int run_guest(const struct run_request *request, enum run_end *end, struct err *e);

#endif
