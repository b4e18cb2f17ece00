// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * run.h: boots an installed system beside the running host, and stays with it.
 *
 * Three processes take part. The supervisor (the caller) holds the claims and the console. A jailed
 * server holds the claims too and serves the view; it ends when the engine's socket closes. The
 * engine ends with the supervisor. So whoever dies first: no engine runs without claims, and no
 * claim outlives the engine.
 */
#ifndef BERTH_FLOW_RUN_H
#define BERTH_FLOW_RUN_H

#include "core/err.h"
#include "core/ui.h"
#include "flow/supervise.h"
#include "model/survey.h"

#include <stdbool.h>
#include <stdint.h>

#define RUN_CPUS_MAX 64

struct run_request {
    const struct survey *survey; /* of the disk, with its record */
    const char *name;            /* of the system */
    uint64_t memory;             /* bytes; 0: what the record says, else 1 GiB */
    unsigned cpus;               /* 0: what the record says, else 1 */
    const char *net;             /* "user" or "none"; NULL: what the record says, else "user" */
    const char *engine; /* "auto", "kvm" or "qemu"; NULL: what the record says, else auto */
    bool ephemeral;     /* keep every change in a temporary file */
    bool no_reboot;     /* end when the guest reboots */
    struct ui *ui;
};

/*
 * Runs the system until it powers off (RUN_POWERED_OFF), reboots with no_reboot set (RUN_RESET), or
 * is ended by the person (RUN_ENDED). A reboot reads kernel and initrd afresh, under the same
 * claims. Errors: those of guest_find and guest_claim, ERR_CRASHED.
 */
int run_guest(const struct run_request *request, enum run_end *end, struct err *e);

/* Where private views and temporary changes are kept: BERTH_STATE, else /var/lib/berth/state for
 * root, else XDG_STATE_HOME/berth. Made where missing. A new string, NULL on failure. */
char *state_folder(struct err *e);

#endif
