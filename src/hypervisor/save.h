// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * save.h: a machine that stands still, as a file, and back: the state of each device as its plain
 * struct, KVM's own, and the memory.
 *
 * The file belongs to one build of the monitor on one kind of host: it is for going on, not for
 * keeping. It holds the guest's memory: who can read it can read the guest. Who can write it writes
 * what every device believes of itself: so each checks that once it is loaded.
 */
#ifndef BERTH_HYPERVISOR_SAVE_H
#define BERTH_HYPERVISOR_SAVE_H

#include "hypervisor/vm.h"

/* Writes the machine to fd, which is empty. All its processors are held. */
int save_machine(struct vm *vm, int fd, struct err *e);

/* Puts what save_machine wrote into a machine that was made from the same description and has not
 * run yet. ERR_VERIFY when it is not from such a machine. */
int load_machine(struct vm *vm, int fd, struct err *e);

#endif
