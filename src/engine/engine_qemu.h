// SPDX-License-Identifier: GPL-3.0-or-later
/* engine_qemu.h: one QEMU that boots a kernel with one disk, served over NBD. Started by root, it
 * runs as nobody, where /dev/kvm allows that or is not used. */
#ifndef BERTH_ENGINE_ENGINE_QEMU_H
#define BERTH_ENGINE_ENGINE_QEMU_H

#include "engine/engine.h"

#define ENGINE_QEMU "qemu-system-x86_64"

/* Starts it. The descriptors in config stay the caller's. ERR_NOT_FOUND with a hint when QEMU is
 * not installed. */
int engine_qemu_start(const struct engine_config *config, struct engine *engine, struct err *e);

/* Makes an engine whose process runs one that speaks QEMU's machine protocol over the socket, which
 * becomes the engine's. */
int engine_qemu_adopt(struct engine *engine, int machine, struct err *e);

#endif
