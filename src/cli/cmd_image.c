// SPDX-License-Identifier: GPL-3.0-or-later
/* cmd_image.c: berth image build | add | list | show. */
#include "cli/cli.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "images/build.h"
#include "images/format.h"
#include "images/store.h"

#include <getopt.h>
#include <libsmartcols.h>
#include <string.h>
#include <time.h>

/* ---- showing ---- */

static int print_json(const char *key, json_t *value, struct err *e)
{
    json_t *top = json_pack("{s:i}", "berth-json", 1);

    if (top == NULL || value == NULL || json_object_set_new(top, key, value) < 0 ||
        json_dumpf(top, stdout, JSON_INDENT(2)) < 0) {
        json_decref(top);
        return err_no_memory(e);
    }
    json_decref(top);
    putchar('\n');
    return 0;
}

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
        return print_json("image", image_to_json(image, false, e), e);
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

int cmd_image_show(struct cli *cli, int argc, char **argv, struct err *e)
{
    _cleanup_image_ struct image image = {0};

    if (argc != 2)
        return err_set(e, ERR_USAGE, "image show: expected one name");
    return image_find(argv[1], &image, e) < 0 ? -1 : show_image(cli, &image, e);
}

/* ---- the list ---- */

static int add_row(struct libscols_table *table, const struct image *image)
{
    struct libscols_line *line = scols_table_new_line(table, NULL);
    char size[SIZE_TEXT], digest[13], created[32];
    const char *cells[7];

    if (line == NULL)
        return -1;
    size_human(image->bytes, size, sizeof(size));
    snprintf(digest, sizeof(digest), "%s", image->digest + strlen("sha256:"));
    print_time(image->created, created, sizeof(created));
    cells[0] = image->name;
    cells[1] = image->family;
    cells[2] = image->os;
    cells[3] = size;
    cells[4] = image->signature;
    cells[5] = created;
    cells[6] = digest;
    for (size_t i = 0; i < 7; i++)
        if (scols_line_set_data(line, i, cells[i]) != 0)
            return -1;
    return 0;
}

static int print_table(const struct image *images, size_t n, struct err *e)
{
    static const char *const columns[] = {"NAME",      "FAMILY",  "SYSTEM", "SIZE",
                                          "SIGNATURE", "CREATED", "DIGEST"};
    struct libscols_table *table = scols_new_table();
    int result = table != NULL ? 0 : -1;

    for (size_t i = 0; result == 0 && i < sizeof(columns) / sizeof(columns[0]); i++)
        if (scols_table_new_column(table, columns[i], 0, i == 3 ? SCOLS_FL_RIGHT : 0) == NULL)
            result = -1;
    for (size_t i = 0; result == 0 && i < n; i++)
        result = add_row(table, &images[i]);
    if (result == 0)
        scols_print_table(table);
    scols_unref_table(table);
    return result == 0 ? 0 : err_no_memory(e);
}

static json_t *images_to_json(const struct image *images, size_t n, struct err *e)
{
    json_t *array = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(array, image_to_json(&images[i], false, e));
    return array;
}

int cmd_image_list(struct cli *cli, int argc, char **argv, struct err *e)
{
    struct image *images;
    size_t n;
    int result;

    (void)argv;
    if (argc != 1)
        return err_set(e, ERR_USAGE, "image list takes no arguments");
    if (store_list(&images, &n, e) < 0)
        return -1;
    if (cli->json)
        result = print_json("images", images_to_json(images, n, e), e);
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

static int parse_add(int argc, char **argv, struct add_options *options, struct err *e)
{
    static const struct option long_options[] = {
        {"name", required_argument, NULL, 'n'}, {"unsigned", no_argument, NULL, 'u'}, {0}};
    int c;

    optind = 0;
    opterr = 0;
    while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (c == 'n')
            options->name = optarg;
        else if (c == 'u')
            options->is_unsigned = true;
        else
            return err_set(e, ERR_USAGE, "image add: %s is no option of it, or lacks its value",
                           argv[optind - 1]);
    }
    if (argc - optind != 1)
        return err_set(e, ERR_USAGE, "image add: expected one archive");
    if (options->name == NULL)
        return err_set(e, ERR_USAGE, "image add: --name is missing");
    options->source = argv[optind];
    return 0;
}

int cmd_image_add(struct cli *cli, int argc, char **argv, struct err *e)
{
    _cleanup_image_ struct image image = {0};
    struct add_options options = {0};

    if (parse_add(argc, argv, &options, e) < 0 || image_check_name(options.name, e) < 0 ||
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
    const char **packages; /* room for argc of them */
    size_t n_packages;
};

static int parse_build(int argc, char **argv, struct build_options *options, struct err *e)
{
    static const struct option long_options[] = {
        {"name", required_argument, NULL, 'n'}, {"package", required_argument, NULL, 'p'}, {0}};
    int c;

    optind = 0;
    opterr = 0;
    while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (c == 'n')
            options->name = optarg;
        else if (c == 'p')
            options->packages[options->n_packages++] = optarg;
        else
            return err_set(e, ERR_USAGE, "image build: %s is no option of it, or lacks its value",
                           argv[optind - 1]);
    }
    if (argc - optind != 1)
        return err_set(e, ERR_USAGE, "image build: expected one recipe");
    options->recipe = argv[optind];
    return 0;
}

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
        .recipe = &recipe, .packages = options->packages, .n_packages = options->n_packages};

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
    struct build_options options = {.packages = calloc((size_t)argc, sizeof(char *))};
    int result;

    if (options.packages == NULL)
        return err_no_memory(e);
    result = parse_build(argc, argv, &options, e);
    if (result == 0)
        result = build(cli, &options, e);
    free(options.packages);
    return result;
}
