// SPDX-License-Identifier: GPL-3.0-or-later
/* cmd_image.c: berth image build | add | list | show. */
#include "cli/cli.h"
#include "cli/options.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "images/build.h"
#include "images/format.h"
#include "images/store.h"

#include <string.h>
#include <time.h>

/* ---- showing ---- */

/* "2026-01-31 12:00" */
static void print_time(int64_t seconds, char *buf, size_t len)
{
    time_t t = (time_t)seconds;
    struct tm tm;

    strftime(buf, len, "%Y-%m-%d %H:%M", localtime_r(&t, &tm));
}

static int show_image(struct cli *cli, const struct image *image, struct err *e)
{
    char bytes[SIZE_TEXT], content[SIZE_TEXT], created[32];

    if (cli->json)
        return cli_print_json("image", image_to_json(image, false, e), e);
    print_time(image->created, created, sizeof(created));
    printf("name          %s\n", image->name);
    printf("system        %s\n", image->os);
    printf("family        %s\n", image->family);
    printf("version       %s\n", image->version != NULL ? image->version : "-");
    printf("architecture  %s\n", image->arch != NULL ? image->arch : "-");
    printf("kernel        %s\n", image->kernel != NULL ? image->kernel : "-");
    printf("size          %s, %s installed, %llu inodes\n",
           size_human(image->bytes, bytes, sizeof(bytes)),
           size_human(image->content_bytes, content, sizeof(content)),
           (unsigned long long)image->inodes);
    printf("signature     %s\n", image->signature);
    printf("digest        %s\n", image->digest);
    if (image->created != 0)
        printf("created       %s\n", created);
    for (size_t i = 0; i < image->packages.n; i++)
        printf("%s%s", i == 0 ? "packages      " : " ", image->packages.items[i]);
    if (image->packages.n > 0)
        putchar('\n');
    return 0;
}

struct show_options {
    const char *name;
};

const struct option_row cmd_image_show_options[] = {
    ROW_OPERAND("NAME", IMAGE, offsetof(struct show_options, name), "the image"),
    ROW_END,
};

int cmd_image_show(struct cli *cli, int argc, char **argv, struct err *e)
{
    _cleanup_image_ struct image image = {0};
    struct show_options options = {0};

    if (options_parse(cli, argc, argv, &options, e) < 0 || image_find(options.name, &image, e) < 0)
        return -1;
    return show_image(cli, &image, e);
}

/* ---- the list ---- */

enum {
    COL_NAME,
    COL_FAMILY,
    COL_SYSTEM,
    COL_SIZE,
    COL_SIGNATURE,
    COL_CREATED,
    COL_DIGEST,
    COLUMNS
};

static const char *const headings[COLUMNS] = {"NAME",      "FAMILY",  "SYSTEM", "SIZE",
                                              "SIGNATURE", "CREATED", "DIGEST"};

static void fill_row(const struct image *image, char *cells[COLUMNS])
{
    char size[SIZE_TEXT], created[32];

    print_time(image->created, created, sizeof(created));
    cells[COL_NAME] = strdup(image->name);
    cells[COL_FAMILY] = strdup(image->family);
    cells[COL_SYSTEM] = strdup(image->os);
    cells[COL_SIZE] = strdup(size_human(image->bytes, size, sizeof(size)));
    cells[COL_SIGNATURE] = strdup(image->signature);
    cells[COL_CREATED] = strdup(created);
    cells[COL_DIGEST] = strndup(image->digest + strlen("sha256:"), 12);
}

static int print_table(const struct image *images, size_t n, struct err *e)
{
    char **cells = calloc(n * COLUMNS + 1, sizeof(*cells));
    int result;

    if (cells == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < n; i++)
        fill_row(&images[i], &cells[i * COLUMNS]);
    result = cli_print_table(headings, COLUMNS, cells, n, e);
    for (size_t i = 0; i < n * COLUMNS; i++)
        free(cells[i]);
    free(cells);
    return result;
}

static json_t *images_to_json(const struct image *images, size_t n, struct err *e)
{
    json_t *array = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(array, image_to_json(&images[i], false, e));
    return array;
}

const struct option_row cmd_image_list_options[] = {ROW_END};

int cmd_image_list(struct cli *cli, int argc, char **argv, struct err *e)
{
    struct image *images;
    size_t n;
    int result;

    if (options_parse(cli, argc, argv, NULL, e) < 0)
        return -1;
    if (store_list(&images, &n, e) < 0)
        return -1;
    if (cli->json)
        result = cli_print_json("images", images_to_json(images, n, e), e);
    else
        result = n > 0 ? print_table(images, n, e) : 0;
    for (size_t i = 0; i < n; i++)
        image_free(&images[i]);
    free(images);
    return result;
}

/* ---- adding ---- */

struct add_options {
    const char *source, *name;
    bool is_unsigned;
};

#define ADD(member) offsetof(struct add_options, member)

const struct option_row cmd_image_add_options[] = {
    ROW_OPERAND("SOURCE", FILE, ADD(source), "an archive of a root folder"),
    ROW_TEXT("name", "N", TEXT, ADD(name), "what the store calls it", .required = true),
    ROW_FLAG("unsigned", ADD(is_unsigned), "take it without a signature"),
    ROW_END,
};

int cmd_image_add(struct cli *cli, int argc, char **argv, struct err *e)
{
    _cleanup_image_ struct image image = {0};
    struct add_options options = {0};

    if (options_parse(cli, argc, argv, &options, e) < 0 || image_check_name(options.name, e) < 0 ||
        format_check(options.source, e) < 0)
        return -1;
    if (!options.is_unsigned) {
        err_set(e, ERR_VERIFY, "%s: no signature to check", options.source);
        return err_hint(e, "--unsigned takes it as it is");
    }
    if (cli->dry_run) {
        printf("copy %s into the store as \"%s\"\n", options.source, options.name);
        return 0;
    }
    if (store_add(options.source, options.name, &image, &cli->ui, e) < 0)
        return -1;
    return cli->quiet && !cli->json ? 0 : show_image(cli, &image, e);
}

/* ---- building ---- */

struct build_options {
    const char *recipe, *name;
    struct option_list packages;
};

#define BUILD(member) offsetof(struct build_options, member)

const struct option_row cmd_image_build_options[] = {
    ROW_OPERAND("RECIPE", FILE, BUILD(recipe), "a recipe's name or file"),
    ROW_TEXT("name", "N", TEXT, BUILD(name), "what the store calls it"),
    ROW_LIST("package", "P", FILE, BUILD(packages), "one more package: a name or a .deb file"),
    ROW_END,
};

static void note_stdout(struct ui *ui, const char *text)
{
    (void)ui;
    puts(text);
}

static int build(struct cli *cli, const struct build_options *options, struct err *e)
{
    _cleanup_recipe_ struct recipe recipe = {0};
    _cleanup_image_ struct image image = {0};
    struct build what = {
        .recipe = &recipe, .packages = options->packages.items, .n_packages = options->packages.n};

    if (recipe_read(options->recipe, &recipe, e) < 0)
        return -1;
    what.name = options->name != NULL ? options->name : recipe.name;
    if (image_check_name(what.name, e) < 0)
        return -1;
    if (cli->dry_run) {
        struct ui out = {.note = note_stdout};

        return build_show(&what, &out, e);
    }
    if (build_image(&what, &image, &cli->ui, e) < 0)
        return -1;
    return cli->quiet && !cli->json ? 0 : show_image(cli, &image, e);
}

int cmd_image_build(struct cli *cli, int argc, char **argv, struct err *e)
{
    struct build_options options = {0};

    return options_parse(cli, argc, argv, &options, e) < 0 ? -1 : build(cli, &options, e);
}
