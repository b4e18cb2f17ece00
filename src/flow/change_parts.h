// SPDX-License-Identifier: GPL-3.0-or-later
/* change_parts.h: what the parts of looking and planning share. For change*.c only. */
#ifndef BERTH_FLOW_CHANGE_PARTS_H
#define BERTH_FLOW_CHANGE_PARTS_H

#include "flow/change.h"

/* change_match.c: partitions that a script does not name stay, where they are in nobody's way;
 * *kept is how many. ERR_REFUSED where one is. */
int change_keep_missing(const struct table *there, struct table *wanted, size_t *kept,
                        struct err *e);

/* change_look.c: fills facts->parts, new and the caller's, and facts->n. */
int change_look(const struct change *change, struct blockdev *bd, const struct survey *survey,
                struct change_facts *facts, struct err *e);

/* change_sectors.c: fills facts->sectors, each part's record, and who lies under the table. */
int change_look_at_sectors(struct blockdev *bd, struct change_facts *facts, struct err *e);

/* change_free.c: finds whose place has something in free space that is not berth's own. */
int change_look_at_free(struct blockdev *bd, struct change_facts *facts, struct err *e);

struct planner {
    const struct change_facts *facts;
    struct plan *plan;
    struct table *state; /* the table as it is after the steps so far */
};

/* It has a step of its own beside the table's. */
bool change_is_resized(const struct change_part *part);

/* change_layout.c: the step may write wherever that table is. */
int change_touch_table(struct step *step, const struct table *table, const struct survey *survey,
                       struct err *e);

/* The plan gets a copy of the table as one that it leads to; *index is which. */
int change_keep_layout(struct planner *p, const struct table *table, size_t *index, struct err *e);

/* The step that makes the disk's table `to`, which becomes the planner's state. only_deletes: it
 * only takes away or cuts what something else needs the room of. */
int change_add_layout(struct planner *p, const struct table *to, bool makes_room, struct err *e);

/* Adds to a list in words, which is NULL while it is empty. */
int change_append(char **list, const char *separator, struct err *e, const char *fmt, ...)
    ERR_PRINTF(4, 5);

/* Says how many of n a list leaves out that describes the first CHANGE_LISTED. */
#define CHANGE_LISTED 8
int change_append_more(char **list, size_t n, struct err *e);

/* change_lose.c: ERR_REFUSED names all that has to be named and is not, with the words to say it.
 */
int change_check_losses(const struct change_facts *facts, struct err *e);

/* The partition, which goes, has its content no more: the table as a whole is made anew, or
 * something is put there. What a backup does not have is only deleted. */
bool change_is_given_up(const struct change_facts *facts, const struct change_part *deleted);

/* --lose has the disk as a whole, by any of its paths. */
bool change_names_disk(const struct change_facts *facts);

/* A word of --lose that names nothing was meant for something else: ERR_USAGE. */
int change_check_lose(const struct change_facts *facts, struct err *e);

/* Says of the step that writes there what is in the free space that the part gets. */
int change_lose_free(const struct change_facts *facts, struct step *step,
                     const struct change_part *part, struct err *e);

/* change_end.c: something is written into the part's place. */
bool change_writes(const struct change_part *part);

/* 1: over the end of the filesystem of `cut`, another partition, which was cut shorter. */
int change_takes_end(const struct change_facts *facts, const struct change_part *part,
                     const struct survey_partition *cut, struct err *e);

/* 1: the table itself is written there. */
int change_table_takes_end(const struct change_facts *facts, const struct survey_partition *cut,
                           struct err *e);

/* "the ext4 of partition 1, which was cut shorter than that, goes on to 88MiB", new. */
char *change_describe_end(const struct survey_partition *cut, struct err *e);

/* Says of the step that writes there that the end goes. */
int change_lose_end(struct step *step, const struct survey_partition *cut, struct err *e);

/* change_steps.c: adds the step, and makes the planner's state what it leaves. */
int change_emit_resize(struct planner *p, const struct change_part *part, struct extent from,
                       struct extent to, struct err *e);
int change_emit_move(struct planner *p, const struct change_part *part, struct err *e);
int change_emit_format(struct planner *p, const struct change_part *part, struct err *e);
int change_emit_wipe(struct planner *p, const struct change_part *part, struct err *e);
int change_emit_unwipe(struct planner *p, const struct change_part *part, struct err *e);

/* What a move has to keep: all of the partition, or the part that is wanted of it. */
uint64_t change_moved_bytes(const struct change_part *part);

#endif
