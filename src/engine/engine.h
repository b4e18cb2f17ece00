// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * engine.h: what runs a guest: one process that gets nothing but descriptors, lines to the guest,
 * and a way to tell it something and to hear why the guest ended. Two kinds: QEMU, and berth's own
 * monitor.
 */
#ifndef BERTH_ENGINE_ENGINE_H
#define BERTH_ENGINE_ENGINE_H

#include "core/err.h"
#include "core/jail.h"
#include "engine/net.h"
#include "hypervisor/storage.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct engine_config {
    const char *name; /* of the guest, shown in the process list */
    uint64_t memory;  /* bytes */
    unsigned cpus;
    unsigned sector;    /* of the disk */
    bool read_only;     /* the disk */
    struct net net;     /* stays the caller's */
    bool kvm;           /* else software emulation, which only QEMU has */
    bool outlives;      /* it goes on when the process that started it is gone */
    int kernel, initrd; /* initrd -1: none */
    int payload;        /* what is packed in the kernel; -1: not known. Not for QEMU */
    int late; /* for QEMU: a socket where it hears its machine protocol as well; -1: none */
    const char *command_line;
    int disk; /* for QEMU: a socket connected to an NBD server; -1: it has no disk */
    /* For the monitor: the disk as ranges of descriptors, and where writes go
     * instead (core/overlay_store.h); -1: there. */
    const struct storage_range *ranges;
    unsigned n_ranges;
    uint64_t disk_bytes; /* 0: no disk */
    int overlay, overlay_map;
};

enum engine_fate {
    ENGINE_RUNNING,
    ENGINE_POWERED_OFF,
    ENGINE_RESET,
    ENGINE_PANICKED,
    ENGINE_BROKE, /* the host's doing */
};

#define ENGINE_WORDS 512

struct engine;

struct engine_ops {
    const char *program;                                     /* for messages: "QEMU" */
    int (*power_down)(struct engine *engine, struct err *e); /* the power button */
    /* The size of the terminal that shows the guest; NULL where a guest cannot know. */
    void (*window)(struct engine *engine, uint16_t columns, uint16_t rows);
    /* Reads what it has said and keeps in `fate` and `why` what it means. Returns 0 at the end of
     * the stream, 1 otherwise, -1 for what makes no sense. */
    int (*hear)(struct engine *engine, struct err *e);
    /* What its exit status (as from waitpid) adds to `fate`. */
    void (*settle)(struct engine *engine, int status);
    void (*close)(struct engine *engine); /* its own part */
};

struct engine {
    const struct engine_ops *ops;
    pid_t pid;
    int pidfd;      /* readable when it has ended */
    int serial;     /* the guest's serial line, both directions */
    int console;    /* the same of its virtio console; -1: it has none */
    int machine;    /* what `hear` reads */
    int words;      /* what it said on standard error */
    bool runs;      /* the guest has begun */
    uint32_t lacks; /* what of its sandbox the host denied (hypervisor/sandbox.h) */
    enum engine_fate fate;
    char why[ENGINE_WORDS]; /* in words, of a crash; or empty */
    struct qmp *qmp;        /* QEMU's */
    pid_t net;              /* the monitor's network, a process; 0: none */
};

/* How an engine's process is started. */
struct engine_process {
    const char *path;
    char *const *argv;
    struct jail_fds keep; /* what it inherits, each at its own number */
    int first;            /* a descriptor it gets as number 3; -1: none */
    bool drop_root;       /* it runs as nobody */
    bool outlives;        /* as of struct engine_config */
    gid_t group;          /* and, when not 0, in this group */
};

/* Starts it: engine->pid, pidfd and words. In a session of its own: a terminal's Ctrl-C is for the
 * supervisor. */
int engine_process_start(const struct engine_process *process, struct engine *engine,
                         struct err *e);

/* A connected pair of sockets of that type, both closed on exec. */
int engine_pair(int type, int *ours, int *theirs, struct err *e);

/* The last line of what another process has written to the descriptor, which is ours as well. */
void engine_last_words(int fd, char *words, size_t len);

/* Waits for it (with `kill` set ends it at once first) and closes everything. *status is as from
 * waitpid, 0 when it is no child of this process; words gets its last line on standard error. */
void engine_end(struct engine *engine, bool kill, int *status, char *words, size_t len);

#endif
