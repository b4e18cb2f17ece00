// SPDX-License-Identifier: GPL-3.0-or-later
/* machine_value.h: what one scalar of a machine file may be. Only for the machine_*.c files. */
#ifndef BERTH_MODEL_MACHINE_VALUE_H
#define BERTH_MODEL_MACHINE_VALUE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A form of scalars. Those with `valid` or `words` are kept as new strings, the member being a
 * char *; the others have `parse`, which stores into the member, and where the member can be left
 * out or is worth printing, `format`, which gives false when there is nothing to print.
 */
struct machine_value {
    const char *expected; /* completes "expected ..." */
    bool (*valid)(const char *text);
    const char *const *words; /* the only valid ones, NULL at the end */
    bool (*parse)(const char *text, void *member);
    bool (*format)(const void *member, char *text, size_t len);
    const char *const *later; /* words of the format whose work does not exist yet, or NULL */
    bool secret;              /* never shown in a message */
};

/* True when the member is a string. */
bool machine_value_is_text(const struct machine_value *value);

/* True when text has the form; one that is parsed goes into member. */
bool machine_value_accepts(const struct machine_value *value, const char *text, void *member);

bool machine_value_is_later(const struct machine_value *value, const char *text);

#define MACHINE_VALUE_TEXT 64 /* room for what format writes */

extern const struct machine_value value_version, value_name, value_text, value_line, value_script,
    value_bytes, value_table, value_sector_size, value_type, value_size, value_fs, value_hostname,
    value_timezone, value_locale, value_keyboard, value_hash, value_account, value_flag, value_path,
    value_mode, value_memory, value_cpus, value_net, value_engine, value_timeout, value_console;

#endif
