// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * populate.c: one pass from the image's tree to the partition's. The digest is known only when all
 * was read, and by then all but the partition's metadata is written: so the comparison comes before
 * tree_sync, without which there is no filesystem to be mistaken for a good one.
 */
#include "images/populate.h"
#include "images/stream.h"
#include "tree/ext_write.h"

#include <string.h>

#define PROGRESS_EACH 32 /* entries */

static int report(struct stream *stream, const struct customize_input *input, struct ui *ui,
                  struct err *e)
{
    char what[80];

    snprintf(what, sizeof(what), "filling %s", input->system->name);
    return ui_progress(ui, what, stream_position(stream), stream_bytes(stream), e);
}

static int copy_entries(struct stream *stream, struct tree *to, struct customize *customize,
                        const struct customize_input *input, struct ui *ui, struct err *e)
{
    struct tree *from = stream_tree(stream);
    struct tree_entry entry;
    uint64_t n = 0;
    int more;

    while ((more = tree_next(from, &entry, e)) > 0) {
        struct tree_source *content = entry.type == TREE_FILE ? tree_content(from) : NULL;
        int taken;

        if (n++ % PROGRESS_EACH == 0 && report(stream, input, ui, e) < 0)
            return -1;
        taken = customize_take(customize, &entry, content, e);
        if (taken < 0 || (taken == 0 && tree_put(to, &entry, content, e) < 0))
            return -1;
    }
    return more;
}

static int verify(struct stream *stream, const struct image *image, struct err *e)
{
    const char *digest;

    if (stream_finish(stream, &digest, e) < 0)
        return -1;
    if (strcmp(digest, image->digest) == 0)
        return 0;
    return err_set(e, ERR_VERIFY, "%s is %s, and should be %s", image->path, digest, image->digest);
}

/* Damage may show first as an archive that makes no sense; the digest tells what it is. */
static int copy_or_blame(struct stream *stream, struct tree *to, struct customize *customize,
                         const struct image *image, const struct customize_input *input,
                         struct ui *ui, struct err *e)
{
    struct err blame;

    if (copy_entries(stream, to, customize, input, ui, e) == 0)
        return verify(stream, image, e);
    if (e->code == ERR_FAILED && verify(stream, image, &blame) < 0 && blame.code == ERR_VERIFY)
        *e = blame;
    return -1;
}

static int fill(struct stream *stream, struct tree *to, const struct image *image,
                const struct customize_input *input, struct ui *ui, struct err *e)
{
    _cleanup_customize_ struct customize *customize = customize_new(input, e);

    if (customize == NULL || copy_or_blame(stream, to, customize, image, input, ui, e) < 0 ||
        customize_finish(customize, to, ui, e) < 0 || tree_sync(to, e) < 0)
        return -1;
    return report(stream, input, ui, e);
}

int populate(struct blockdev *partition, const struct image *image,
             const struct customize_input *input, struct ui *ui, struct err *e)
{
    _cleanup_stream_ struct stream *stream = stream_open(image->path, image->name, e);
    _cleanup_tree_ struct tree *to = NULL;

    if (stream == NULL)
        return -1;
    to = ext_write_open(partition, e);
    if (to == NULL || fill(stream, to, image, input, ui, e) < 0)
        return err_wrap(e, "filling %s from %s", input->system->name, image->name);
    return 0;
}
