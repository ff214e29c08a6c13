/* `actpass convert`: arguments, files, exit status. */
#include "config/read_file.h"
#include "config/text.h"
#include "server/daemon/convert/convert.h"
#include "server/daemon/convert/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2, EXIT_LOST = 4 };

static const char usage_text[] =
    "usage: actpass convert [--from stunnel|hitch] FILE\n"
    "       actpass convert ghostunnel ARGUMENTS...\n"
    "       actpass convert --options stunnel|hitch|ghostunnel\n"
    "\n"
    "Prints the configuration of another program as one of ours, with comments (.jsonc), and what\n"
    "has no counterpart on stderr. --options prints what becomes of each option.\n"
    "Exit status: 0 all was converted; 4 something has no counterpart; 2 usage, or FILE is wrong;\n"
    "1 failure.\n";

static enum convert_format format_of(const char *name)
{
    static const char *const names[] = {[CONVERT_STUNNEL] = "stunnel",
                                        [CONVERT_HITCH] = "hitch",
                                        [CONVERT_GHOSTUNNEL] = "ghostunnel"};
    for (size_t i = 0; i < CONVERT_UNKNOWN; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum convert_format)i;
    return CONVERT_UNKNOWN;
}

/* By the file's name and its folder: /etc/hitch/hitch.conf. */
static enum convert_format format_of_file(const char *file)
{
    if (strstr(file, "hitch"))
        return CONVERT_HITCH;
    return strstr(file, "stunnel") ? CONVERT_STUNNEL : CONVERT_UNKNOWN;
}

static int fail_usage(const char *why)
{
    (void)fprintf(stderr, "actpass: %s\n%s", why, usage_text);
    return EXIT_USAGE;
}

static int print(const struct convert_input *input)
{
    size_t lost = 0;
    char *text = convert_text(input, DRAFT_FILES, stderr, &lost);
    if (!text)
        return EXIT_USAGE;
    bool printed = fputs(text, stdout) >= 0 && fflush(stdout) == 0;
    free(text);
    if (!printed) {
        (void)fputs("actpass: cannot write to standard output\n", stderr);
        return EXIT_FAILURE;
    }
    return lost > 0 ? EXIT_LOST : EXIT_SUCCESS;
}

static int convert_file(enum convert_format format, const char *file)
{
    struct draft draft = {.said = stderr};
    struct setting_place place = {.file = "actpass"};
    size_t length = 0;
    char *text = reader_file(&draft, &place, file, &length);
    struct convert_input input = {.format = format, .file = file, .text = text, .length = length};
    int status = text ? print(&input) : EXIT_USAGE;
    free(text);
    return status;
}

static int print_options(const char *name)
{
    static const struct convert_option *const tables[] = {[CONVERT_STUNNEL] = stunnel_options,
                                                          [CONVERT_HITCH] = hitch_options,
                                                          [CONVERT_GHOSTUNNEL] =
                                                              ghostunnel_options};
    enum convert_format format = format_of(name);
    if (format == CONVERT_UNKNOWN)
        return fail_usage("--options needs stunnel, hitch or ghostunnel");
    options_print(stdout, tables[format]);
    return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int convert_ghostunnel(int argc, char **argv)
{
    struct convert_input input = {.format = CONVERT_GHOSTUNNEL,
                                  .file = "ghostunnel",
                                  .arguments = argv,
                                  .argument_count = (size_t)argc};
    return print(&input);
}

int convert_command(int argc, char **argv)
{
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
        return fputs(usage_text, stdout) >= 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    if (argc > 1 && strcmp(argv[1], "ghostunnel") == 0)
        return convert_ghostunnel(argc - 2, argv + 2);
    if (argc == 3 && strcmp(argv[1], "--options") == 0)
        return print_options(argv[2]);
    bool named = argc == 4 && strcmp(argv[1], "--from") == 0;
    if (!named && (argc != 2 || argv[1][0] == '-'))
        return fail_usage("give one file to convert");
    const char *file = argv[argc - 1];
    enum convert_format format = named ? format_of(argv[2]) : format_of_file(file);
    if (format == CONVERT_UNKNOWN || format == CONVERT_GHOSTUNNEL)
        return fail_usage("say what the file is for, with --from stunnel or --from hitch");
    return convert_file(format, file);
}
