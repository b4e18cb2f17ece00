// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * pack.c: Zstandard at a low level, since an image is decompressed each time it is installed and
 * compressed once: level 3 halves a system, and decoding stays faster than a disk.
 */
#include "images/pack.h"
#include "core/cleanup.h"
#include "core/io.h"

#include <zstd.h>

#define LEVEL   3
#define WORKERS 2

struct pack {
    int fd;
    ZSTD_CStream *stream;
    char *buf;
    size_t room;
    uint64_t in, out;
};

struct pack *pack_open(int fd, struct err *e)
{
    struct pack *pack = calloc(1, sizeof(*pack));

    if (pack != NULL) {
        pack->fd = fd;
        pack->stream = ZSTD_createCStream();
        pack->room = ZSTD_CStreamOutSize();
        pack->buf = malloc(pack->room);
    }
    if (pack == NULL || pack->stream == NULL || pack->buf == NULL) {
        pack_close(pack);
        err_no_memory(e);
        return NULL;
    }
    ZSTD_CCtx_setParameter(pack->stream, ZSTD_c_compressionLevel, LEVEL);
    ZSTD_CCtx_setParameter(pack->stream, ZSTD_c_checksumFlag, 1);
    /* A libzstd without threads says no to this, and works in this one. */
    ZSTD_CCtx_setParameter(pack->stream, ZSTD_c_nbWorkers, WORKERS);
    return pack;
}

/* Runs the compressor over `in` until it has taken everything (and at the end, given everything).
 */
static int run(struct pack *pack, ZSTD_inBuffer *in, ZSTD_EndDirective mode, struct err *e)
{
    size_t left;

    do {
        ZSTD_outBuffer out = {pack->buf, pack->room, 0};

        left = ZSTD_compressStream2(pack->stream, &out, in, mode);
        if (ZSTD_isError(left))
            return err_set(e, ERR_FAILED, "compressing: %s", ZSTD_getErrorName(left));
        if (io_write(pack->fd, pack->buf, out.pos, e) < 0)
            return -1;
        pack->out += out.pos;
    } while (mode == ZSTD_e_end ? left > 0 : in->pos < in->size);
    return 0;
}

int pack_write(struct pack *pack, const void *buf, size_t n, struct err *e)
{
    ZSTD_inBuffer in = {buf, n, 0};

    pack->in += n;
    return run(pack, &in, ZSTD_e_continue, e);
}

int pack_finish(struct pack *pack, uint64_t *in, uint64_t *out, struct err *e)
{
    ZSTD_inBuffer nothing = {NULL, 0, 0};

    if (run(pack, &nothing, ZSTD_e_end, e) < 0)
        return -1;
    *in = pack->in;
    *out = pack->out;
    return 0;
}

void pack_close(struct pack *pack)
{
    if (pack == NULL)
        return;
    ZSTD_freeCStream(pack->stream);
    free(pack->buf);
    free(pack);
}

void pack_cleanup(struct pack **pack)
{
    pack_close(*pack);
}
