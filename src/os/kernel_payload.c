// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * kernel_payload.c: finds the payload by the boot header and lets libarchive unpack it.
 *
 * Behind every payload but gzip's, the kernel's build puts its unpacked size in four bytes; gzip's
 * own last four say the same. What comes out must have that size and begin as an ELF does.
 */
#include "os/kernel_payload.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "tree/libarchive.h"

#include <elf.h>
#include <endian.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#define HEADER_BYTES   0x268
#define MAGIC_AT       0x202
#define SETUP_AT       0x1f1 /* sectors of the real-mode part, but the first */
#define VERSION_AT     0x206
#define OFFSET_AT      0x248 /* of the payload, from the end of that part */
#define LENGTH_AT      0x24c
#define VERSION_NEEDED 0x0208 /* the first with a payload */
#define SECTOR         512
#define SIZE_BYTES     4
#define CHUNK          ((size_t)1 << 20)

static const uint8_t gzip_magic[] = {0x1f, 0x8b};

struct payload {
    const uint8_t *data;
    uint64_t bytes;    /* packed, without the size behind them */
    uint64_t unpacked; /* bytes */
};

static uint32_t word(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return le32toh(value);
}

/* Where it is; false when there is none. */
static bool find(const uint8_t *image, uint64_t bytes, struct payload *payload)
{
    uint64_t start, length;

    if (bytes < HEADER_BYTES || memcmp(image + MAGIC_AT, "HdrS", 4) != 0 ||
        (word(image + VERSION_AT) & 0xffff) < VERSION_NEEDED)
        return false;
    start = (uint64_t)(image[SETUP_AT] != 0 ? image[SETUP_AT] : 4) * SECTOR + SECTOR +
            word(image + OFFSET_AT);
    length = word(image + LENGTH_AT);
    if (length <= SIZE_BYTES || start > bytes || length > bytes - start)
        return false;
    payload->data = image + start;
    payload->unpacked = word(image + start + length - SIZE_BYTES);
    payload->bytes = length - SIZE_BYTES;
    if (memcmp(payload->data, gzip_magic, sizeof(gzip_magic)) == 0)
        payload->bytes = length;
    return payload->unpacked <= KERNEL_PAYLOAD_MAX;
}

static void close_archive(struct archive **archive)
{
    if (*archive != NULL)
        la.archive_read_free(*archive);
}

/* Opens it as an archive of one nameless file. False when libarchive does not know the packing. */
static bool open_payload(struct archive *archive, const struct payload *payload)
{
    return la.archive_read_support_filter_all(archive) >= ARCHIVE_WARN &&
           la.archive_read_support_format_raw(archive) == ARCHIVE_OK &&
           la.archive_read_open_memory(archive, payload->data, payload->bytes) == ARCHIVE_OK &&
           la.archive_filter_count(archive) > 1;
}

static int damaged(struct archive *archive, struct err *e)
{
    const char *why = la.archive_error_string(archive);

    return err_set(e, ERR_VERIFY, "the kernel's packed image is damaged: %s",
                   why != NULL ? why : "it has another size than it says");
}

/* Returns 1, or 0 when it does not begin as an ELF. */
static int copy(struct archive *archive, const struct payload *payload, int out, struct err *e)
{
    _cleanup_free_ uint8_t *chunk = malloc(CHUNK);
    struct archive_entry *entry;
    uint64_t done = 0;
    ssize_t got;

    if (chunk == NULL)
        return err_no_memory(e);
    if (la.archive_read_next_header(archive, &entry) != ARCHIVE_OK)
        return damaged(archive, e);
    while ((got = la.archive_read_data(archive, chunk, CHUNK)) > 0) {
        if (done == 0 && (got < SELFMAG || memcmp(chunk, ELFMAG, SELFMAG) != 0))
            return 0;
        done += (uint64_t)got;
        if (done > payload->unpacked)
            return damaged(archive, e);
        if (io_write(out, chunk, (size_t)got, e) < 0)
            return -1;
    }
    return got < 0 || done != payload->unpacked ? damaged(archive, e) : 1;
}

static int unpack(const uint8_t *image, uint64_t bytes, int out, struct err *e)
{
    _cleanup_(close_archive) struct archive *archive = NULL;
    struct payload payload;

    if (!find(image, bytes, &payload))
        return 0;
    archive = la.archive_read_new();
    if (archive == NULL)
        return err_no_memory(e);
    return open_payload(archive, &payload) ? copy(archive, &payload, out, e) : 0;
}

int kernel_payload_unpack(int kernel, int out, struct err *e)
{
    struct stat st;
    void *image;
    int result;

    if (fstat(kernel, &st) < 0)
        return err_errno(e, "the kernel");
    if (st.st_size == 0)
        return 0;
    image = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, kernel, 0);
    if (image == MAP_FAILED)
        return err_errno(e, "the kernel");
    result = unpack(image, (uint64_t)st.st_size, out, e);
    munmap(image, (size_t)st.st_size);
    return result;
}
