// SPDX-License-Identifier: GPL-3.0-or-later
/* folders.h: where berth keeps what belongs to no disk. Both folders are made where they are
 * missing; a new string, NULL on failure. */
#ifndef BERTH_CORE_FOLDERS_H
#define BERTH_CORE_FOLDERS_H

#include "core/err.h"

/* Private views, temporary changes, unpacked kernels: BERTH_STATE, else /var/lib/berth/state for
 * root, else XDG_STATE_HOME/berth. */
char *state_folder(struct err *e);

/* Before anything is written that would need it: whether a file can be made in it, or it in the
 * folder that it will be made in. Makes nothing. ERR_REFUSED names it, and the variable that names
 * another one. */
int state_folder_check(struct err *e);

/* Sockets of guests that run: BERTH_RUNTIME, else /run/berth for root, else XDG_RUNTIME_DIR/berth,
 * else `run` in the state folder. What is put there says itself who may use it. */
char *runtime_folder(struct err *e);

#endif
