// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * module_index.c: a tree of the names' characters, the children written before their parents, which
 * say where they are. A node has a character's worth of name; kmod's own writer joins nodes of one
 * child, which a reader does not ask for.
 *
 * Every number in it is big-endian. What a node has shows in the upper bits of its address.
 */
#include "os/module_index.h"
#include "core/cleanup.h"
#include "os/kernel_modules.h"

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define MAGIC      0xb007f457
#define VERSION    0x00020001
#define ROOT_AT    8
#define HAS_VALUES 0x40000000U
#define HAS_CHILDS 0x20000000U
#define CHARACTERS 128
#define PRIORITY   0

struct name {
    char key[KERNEL_MODULE_NAME]; /* as modprobe looks for it: "virtio_blk" */
    char *line;                   /* of modules.dep */
};

struct index {
    char *text; /* of modules.dep, cut into lines */
    struct name *names;
    size_t n;
    FILE *out;
};

static void index_clear(struct index *index)
{
    free(index->text);
    free(index->names);
    if (index->out != NULL)
        fclose(index->out);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct name *)a)->key, ((const struct name *)b)->key);
}

static int read_lines(struct index *index, const char *dep, struct err *e)
{
    size_t lines = 1;
    char *next, *line;

    for (const char *p = dep; *p != '\0'; p++)
        lines += *p == '\n';
    index->text = next = strdup(dep);
    index->names = calloc(lines, sizeof(*index->names));
    if (index->text == NULL || index->names == NULL)
        return err_no_memory(e);
    while ((line = strsep(&next, "\n")) != NULL)
        if (line[strcspn(line, ":")] == ':' && kernel_module_name(line, index->names[index->n].key))
            index->names[index->n++].line = line;
    qsort(index->names, index->n, sizeof(*index->names), by_key);
    return 0;
}

static void put_number(FILE *out, uint32_t value)
{
    value = htobe32(value);
    fwrite(&value, sizeof(value), 1, out);
}

static void put_childs(FILE *out, const uint32_t childs[CHARACTERS])
{
    int first = 0, last = CHARACTERS - 1;

    while (childs[first] == 0)
        first++;
    while (childs[last] == 0)
        last--;
    fputc(first, out);
    fputc(last, out);
    for (int c = first; c <= last; c++)
        put_number(out, childs[c]);
}

/* The node of the names [from, to), which are alike in their first `depth` characters. Returns its
 * address with what it has. */
static uint32_t put_node(const struct index *index, size_t from, size_t to, size_t depth)
{
    uint32_t childs[CHARACTERS] = {0}, has = 0, at;
    size_t values = 0;

    while (from + values < to && index->names[from + values].key[depth] == '\0')
        values++;
    for (size_t i = from + values, end; i < to; i = end) {
        unsigned char c = (unsigned char)index->names[i].key[depth];

        for (end = i + 1; end < to && (unsigned char)index->names[end].key[depth] == c; end++)
            ;
        childs[c] = put_node(index, i, end, depth + 1);
        has |= HAS_CHILDS;
    }
    at = (uint32_t)ftell(index->out);
    if (has != 0)
        put_childs(index->out, childs);
    if (values > 0) {
        has |= HAS_VALUES;
        put_number(index->out, (uint32_t)values);
        for (size_t i = from; i < from + values; i++) {
            put_number(index->out, PRIORITY);
            fwrite(index->names[i].line, strlen(index->names[i].line) + 1, 1, index->out);
        }
    }
    return at | has;
}

char *module_index_make(const char *dep, size_t *bytes, struct err *e)
{
    _cleanup_(index_clear) struct index index = {0};
    _cleanup_free_ char *made = NULL;
    uint32_t root;

    if (read_lines(&index, dep, e) < 0)
        return NULL;
    index.out = open_memstream(&made, bytes);
    if (index.out == NULL) {
        err_no_memory(e);
        return NULL;
    }
    put_number(index.out, MAGIC);
    put_number(index.out, VERSION);
    put_number(index.out, 0);
    root = htobe32(put_node(&index, 0, index.n, 0));
    if (fclose(steal(index.out)) != 0) {
        err_no_memory(e);
        return NULL;
    }
    memcpy(made + ROOT_AT, &root, sizeof(root));
    return steal(made);
}
