// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * engine_qemu.h: one QEMU that boots a kernel with one disk, served over NBD. QEMU gets nothing but
 * descriptors: the disk's socket, kernel and initrd, a serial line, its machine protocol.
 *
 * It ends with the process that started it. Started by root, it runs as nobody, where /dev/kvm
 * allows that or is not used.
 */
#ifndef BERTH_FLOW_ENGINE_QEMU_H
#define BERTH_FLOW_ENGINE_QEMU_H

#include "core/err.h"
#include "flow/qmp.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct engine_config {
    const char *name; /* of the guest, shown in the process list */
    uint64_t memory;  /* bytes */
    unsigned cpus;
    unsigned sector;    /* of the disk */
    bool net;           /* user-mode networking, else none */
    bool kvm;           /* else software emulation */
    int kernel, initrd; /* initrd -1: none */
    int disk;           /* a socket connected to an NBD server */
    const char *command_line;
};

struct engine {
    pid_t pid;
    int pidfd;  /* readable when it has ended */
    int serial; /* the guest's serial line, both directions */
    int words;  /* what it said on standard error */
    struct qmp qmp;
};

/* Starts it. The descriptors in config stay the caller's. ERR_NOT_FOUND with a hint when QEMU is
 * not installed. */
int engine_start(const struct engine_config *config, struct engine *engine, struct err *e);

/* Waits for it (with `kill` set ends it at once first) and closes everything. *status is as from
 * waitpid, words gets its last line on standard error. */
void engine_end(struct engine *engine, bool kill, int *status, char *words, size_t len);

#endif
