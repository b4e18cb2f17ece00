// SPDX-License-Identifier: GPL-3.0-or-later
/* tool_jail.h: locks up the tool into which the library is preloaded, before its main(): as the
 * readers of berth's own (core/jail.h), it then looks at what others wrote. */
#ifndef BERTH_PRELOAD_TOOL_JAIL_H
#define BERTH_PRELOAD_TOOL_JAIL_H

#include "core/filter.h"

/* From now on the process reads the windows with pread, and nothing else, and writes to its
 * standard output and error. All other descriptors are closed. -1 when it cannot. */
int tool_jail_enter(const struct filter_window *windows, size_t n_windows);

#endif
