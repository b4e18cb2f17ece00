// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * watch.h: runs a part of what the first process of an initramfs has to do, in a child, so that a
 * disk which does not answer any more, or a tool that never ends, is not the end of the whole: the
 * first process itself touches no disk.
 */
#ifndef BERTH_CLI_WATCH_H
#define BERTH_CLI_WATCH_H

#include "core/err.h"

/* Returns the status to exit with, or -1 with the err filled. What it prints is passed on. */
typedef int watch_fn(void *arg, struct err *e);

/*
 * Runs it to its end. idle: seconds without a word of it and without a disk that completes
 * anything, after which it hangs and is ended with all it has started; one that cannot be ended,
 * since a disk holds it, is left behind. -1 unless its status was 0; the err says why: the last
 * error it has printed ("berth: ..."), the signal, or that nothing happened.
 */
int watch_run(watch_fn *run, void *arg, unsigned idle, struct err *e);

#endif
