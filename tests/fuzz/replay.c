// SPDX-License-Identifier: GPL-3.0-or-later
/* replay.c: runs one fuzzer's entry on the files it is given, without libFuzzer: what was found
 * once is tried again by every check. */
#include "core/cleanup.h"
#include "core/io.h"

#define INPUT_MAX (16U << 20) /* bytes */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        _cleanup_free_ char *data = NULL;
        struct err e;
        size_t size;

        if (io_read_file(argv[i], INPUT_MAX, &data, &size, &e) < 0) {
            fprintf(stderr, "%s\n", e.text);
            return 1;
        }
        printf("%s\n", argv[i]);
        fflush(stdout);
        LLVMFuzzerTestOneInput((const uint8_t *)data, size);
    }
    return 0;
}
