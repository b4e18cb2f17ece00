// SPDX-License-Identifier: GPL-3.0-or-later
/* run_parts.h: what run.c (the session) and run_boot.c (one boot of it) share. For them only. */
#ifndef BERTH_RUN_RUN_PARTS_H
#define BERTH_RUN_RUN_PARTS_H

#include "engine/engine.h"
#include "engine/kvm_probe.h"
#include "run/guest_disk.h"

#include <limits.h>

struct session {
    const struct run_request *request;
    struct guest guest;
    struct guest_disk disk;
    struct net net;
    struct keeper *keeper;    /* its hub, and what outlives this process's programs */
    char disk_path[PATH_MAX]; /* without symlinks; of a bare kernel without disk its own */
    int signals;
    bool kvm; /* a kernel runs under /dev/kvm */
    char why_not[KVM_WHY];
    bool own;       /* the monitor runs it, else QEMU */
    char note[300]; /* what it runs with instead of what is usual, or without, and why; or empty */
};

/* What the engine gets of request and record; descriptors are -1. */
struct engine_config run_engine_config(const struct session *session);

/* What a record would say of a kernel without a system: nothing. */
extern const struct record_system run_no_system;

/* The word of --net, as it was given, as the record has it, or the usual one. */
const char *run_network_text(const struct session *session);

/* As run_check, with what the system's record says. */
int run_check_session(const struct session *session, struct err *e);

/* Fills kvm, own and note, and takes the network away that the host does not let the guest have.
 * ERR_UNSUPPORTED or ERR_REFUSED for what was asked for and cannot be had. */
int run_choose_engine(struct session *session, struct err *e);

/* Reads the guest's kernel and starts the engine that `start` is, which gets the rest of config. */
int run_start_engine(struct session *session, struct engine_config *config,
                     int (*start)(const struct engine_config *, struct engine *, struct err *),
                     struct engine *engine, struct err *e);

/* The first that is not NULL. */
const char *run_first_of(const char *a, const char *b, const char *otherwise);

#endif
