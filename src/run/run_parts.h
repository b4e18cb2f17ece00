// SPDX-License-Identifier: GPL-3.0-or-later
/* run_parts.h: what run.c (the session) and run_boot.c (one boot of it) share. For them only. */
#ifndef BERTH_FLOW_RUN_PARTS_H
#define BERTH_FLOW_RUN_PARTS_H

#include "engine/engine.h"
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
    char why_not[160];
    bool own; /* the monitor runs it, else QEMU */
};

/* What the engine gets of request and record; descriptors are -1. */
struct engine_config run_engine_config(const struct session *session);

/* Reads the guest's kernel and starts the engine that `start` is, which gets the rest of config. */
int run_start_engine(struct session *session, struct engine_config *config,
                     int (*start)(const struct engine_config *, struct engine *, struct err *),
                     struct engine *engine, struct err *e);

/* The first that is not NULL. */
const char *run_first_of(const char *a, const char *b, const char *otherwise);

#endif
