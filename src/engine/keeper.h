// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * keeper.h: who looks after a monitor: berth-keeper, a small static program that the process of
 * `berth run` becomes as soon as the guest runs, so that a guest costs no more memory than it must.
 * When the guest reboots it becomes berth again, which reads the guest's kernel afresh and becomes
 * the keeper once more.
 *
 * Process id, children, terminal and every descriptor stay through all of this; what they mean is
 * written down in a struct keeper, in a memory file whose number the environment has.
 */
#ifndef BERTH_ENGINE_KEEPER_H
#define BERTH_ENGINE_KEEPER_H

#include "core/handover.h"
#include "engine/engine.h"
#include "engine/hub.h"

#define KEEPER_PROGRAM "berth-keeper"
#define KEEPER_PATH    1024

struct keeper {
    uint64_t magic;
    char name[64];                                  /* of the guest */
    char program[KEEPER_PATH];                      /* berth */
    int32_t pid, net;                               /* the monitor and its network; engine.h */
    int32_t pidfd, serial, console, machine, words; /* of the engine; -1: it has ended */
    uint8_t no_reboot, leaves;
    int64_t since; /* seconds since 1970: when it was started first */
    struct hub hub;
    struct handover held; /* the claims, and what outlives a reboot */
};

/* A new one, for a guest that is to be started on this terminal. */
void keeper_init(struct keeper *keeper);

/* For berth, once: fills the struct with what the keeper that this process was has left, and makes
 * that findable (handover.h). *was is false where it was none; the struct is a new one then. */
int keeper_was(struct keeper *keeper, bool *was, struct err *e);

/* Becomes the keeper of the engine, which the struct says from then on, with this process's
 * arguments; what the caller of this program left open is closed (a lock of a script's must not
 * last as long as a guest in the background). path: of the keeper's program. Returns only on
 * failure. */
int keeper_become(struct keeper *keeper, const struct engine *engine, const char *path,
                  struct err *e);

/* Both directions: executes path with argv and all of the struct's descriptors. Returns only on
 * failure. */
int keeper_pass(const struct keeper *keeper, const char *path, char *const *argv, struct err *e);

/* The other end. ERR_NOT_FOUND where nobody passed anything. */
int keeper_receive(struct keeper *keeper, struct err *e);

#endif
