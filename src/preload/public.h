// SPDX-License-Identifier: GPL-3.0-or-later
/* public.h: how the library shows a function to the program that it is preloaded into. */
#ifndef BERTH_PRELOAD_PUBLIC_H
#define BERTH_PRELOAD_PUBLIC_H

#define PUBLIC        __attribute__((visibility("default")))
#define SAME_AS(name) PUBLIC __attribute__((alias(#name)))

#endif
