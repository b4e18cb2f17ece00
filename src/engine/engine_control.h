// SPDX-License-Identifier: GPL-3.0-or-later
/* engine_control.h: what is said to a monitor that runs, and heard from it (hypervisor/control.h).
 * For who started it (engine_kvm.h) and who looks after it (keeper.h). */
#ifndef BERTH_ENGINE_ENGINE_CONTROL_H
#define BERTH_ENGINE_ENGINE_CONTROL_H

#include "engine/engine.h"

extern const struct engine_ops engine_control;

#endif
