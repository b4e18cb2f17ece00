// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * settings.h: what a system was made with, in a form the record may hold: a salted hash for each
 * key of the machine file that applies only when the system is made.
 */
#ifndef BERTH_INTENT_SETTINGS_H
#define BERTH_INTENT_SETTINGS_H

#include "core/guid.h"
#include "model/machine.h"

/* "hostname=<hash> users=<hash>", a new string; salt is the root's PARTUUID. NULL on failure. */
char *settings_of(const struct machine_system *system, const struct guid *salt, struct err *e);

/* The names of the keys in which two of these differ ("hostname, users"), a new string, or NULL
 * with the err untouched where there are none. NULL stands for no settings. */
char *settings_difference(const char *made, const char *wanted);

#endif
