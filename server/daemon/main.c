/* The program: arguments, signals, limits, messages, exit status. */
#include "config/config.h"
#include "config/text.h"
#include "server/daemon/check_command.h"
#include "server/daemon/commands/commands.h"
#include "server/daemon/convert/convert.h"
#include "server/daemon/run.h"
#include "server/daemon/version.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage_text[] =
    "usage: actpass FILE            run the services of a configuration\n"
    "       actpass --check FILE    report all errors in it and in what it names, or say what it "
    "does\n"
    "       actpass --check --json FILE    print errors and warnings as a JSON list\n"
    "       actpass status [--json] [FILE|ADDRESS]    print the status of a running actpass\n"
    "       actpass top [FILE|ADDRESS]    the same with rates, every second anew; q ends it\n"
    "       actpass reload [FILE|ADDRESS]    make a running actpass load its configuration again\n"
    "       actpass upgrade FILE    take the place of a running actpass, without a lost "
    "connection\n"
    "       actpass --inetd [--service NAME] FILE    serve one connection, which is descriptor 0\n"
    "       actpass convert FILE|ghostunnel ARGUMENTS...    print the configuration of stunnel, "
    "hitch or\n"
    "                               ghostunnel as one of ours; see actpass convert --help\n"
    "       actpass --schema        print the JSON Schema of configurations\n"
    "       actpass --version       print the versions of actpass and OpenSSL, and optional parts\n"
    "       actpass -h, --help\n"
    "\n"
    "SIGTERM or SIGINT: accept no more connections, and wait up to shutdown_timeout for open ones\n"
    "to end; a second one ends at once. SIGHUP: load FILE and all that it names again; if "
    "anything\n"
    "is wrong, nothing changes, and the log says why. SIGUSR1: write the status to the log. "
    "SIGUSR2\n"
    "is ignored. The log goes to stderr. Exit status: 0 success; 1 failure; 2 usage or\n"
    "configuration error; 3 connections were still open at the end.\n"
    "\n"
    "status and top ask the actpass whose \"admin\" \"listen\" is ADDRESS, or is in FILE; without "
    "either\n"
    "unix:/run/actpass/admin.sock. reload and upgrade use \"control\" in the same way, and\n"
    "unix:/run/actpass/control.sock. A configuration with such a name is ./status, ./top and so "
    "on.\n";

enum command {
    COMMAND_RUN,
    COMMAND_CHECK,
    COMMAND_CHECK_JSON,
    COMMAND_SCHEMA,
    COMMAND_VERSION,
    COMMAND_HELP,
    COMMAND_INETD,
    OPTION_JSON, /* no command, as the next */
    OPTION_SERVICE
};

/* ---- Commands ------------------------------------------------------------------------------ */

static int check(const char *file, enum check_form form)
{
    static const int statuses[] = {
        [CHECK_GOOD] = EXIT_SUCCESS, [CHECK_BAD] = EXIT_USAGE, [CHECK_NOT_PRINTED] = EXIT_FAILURE};
    run_raise_descriptor_limit(); /* so that the warnings are those of a run */
    return statuses[check_command(file, form)];
}

static int print(const char *text)
{
    bool printed = fputs(text, stdout) >= 0 && fflush(stdout) == 0;
    return printed ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int print_schema(void)
{
    char *schema = config_schema();
    if (!schema) {
        (void)fputs("actpass: out of memory\n", stderr);
        return EXIT_FAILURE;
    }
    int status = print(schema);
    free(schema);
    return status;
}

static int fail_usage(const char *why)
{
    (void)fprintf(stderr, "actpass: %s\n%s", why, usage_text);
    return EXIT_USAGE;
}

static int fail_option(const char *option)
{
    char *shown = text_show(option, TEXT_PATH_MAX);
    (void)fprintf(stderr, "actpass: unknown option %s\n%s", shown ? shown : "", usage_text);
    free(shown);
    return EXIT_USAGE;
}

/* The command of the next option. '?': the option is unknown; -1: there is none. */
static int next_option(int argc, char **argv)
{
    static const struct option options[] = {{"check", no_argument, NULL, COMMAND_CHECK},
                                            {"schema", no_argument, NULL, COMMAND_SCHEMA},
                                            {"version", no_argument, NULL, COMMAND_VERSION},
                                            {"help", no_argument, NULL, COMMAND_HELP},
                                            {"inetd", no_argument, NULL, COMMAND_INETD},
                                            {"json", no_argument, NULL, OPTION_JSON},
                                            {"service", required_argument, NULL, OPTION_SERVICE},
                                            {NULL, 0, NULL, 0}};
    int option = getopt_long(argc, argv, "h", options, NULL);
    return option == 'h' ? COMMAND_HELP : option;
}

/* What the command line says. */
struct options {
    enum command command;
    bool json;
    const char *service; /* NULL: not given */
};

/* Do the other options go with the command? Returns EXIT_SUCCESS, or EXIT_USAGE after a message. */
static int check_options(struct options *options)
{
    if (options->json && options->command != COMMAND_CHECK)
        return fail_usage("--json goes with --check");
    if (options->service && options->command != COMMAND_INETD)
        return fail_usage("--service goes with --inetd");
    if (options->json)
        options->command = COMMAND_CHECK_JSON;
    return EXIT_SUCCESS;
}

/* optind is then the first argument after them. Returns EXIT_SUCCESS, or EXIT_USAGE after a
 * message.
 */
static int read_options(int argc, char **argv, struct options *options)
{
    *options = (struct options){.command = COMMAND_RUN};
    opterr = 0; /* getopt would print the argument without escaping it */
    int option = next_option(argc, argv);
    for (; option != -1; option = next_option(argc, argv)) {
        if (option == '?')
            return fail_option(argv[optind > 1 ? optind - 1 : 1]);
        bool command = option < OPTION_JSON;
        if (command && options->command != COMMAND_RUN)
            return fail_usage("give only one option");
        if (command)
            options->command = (enum command)option;
        options->json = options->json || option == OPTION_JSON;
        options->service = option == OPTION_SERVICE ? optarg : options->service;
    }
    return check_options(options);
}

static int run_inetd(const char *file, const char *service)
{
    struct inetd inetd = {.service = service};
    struct error_text error = {.text = ""};
    int status = EXIT_USAGE;
    if (inetd_take(&inetd, &error))
        status = run_process(&(struct run){.file = file, .inetd = &inetd});
    else
        (void)fprintf(stderr, "actpass: %s\n", error.text);
    inetd_end(&inetd);
    return status;
}

/* The parent process of the new one ends here. */
static int upgrade(int argc, char **argv)
{
    int status;
    if (argc != 3)
        return fail_usage("actpass upgrade needs exactly one configuration file");
    struct successor *successor = successor_fork(&status);
    if (successor)
        status = run_process(&(struct run){.file = argv[2], .successor = successor});
    successor_free(successor);
    return status;
}

static bool needs_file(enum command command)
{
    return command == COMMAND_RUN || command == COMMAND_CHECK || command == COMMAND_CHECK_JSON ||
           command == COMMAND_INETD;
}

int main(int argc, char **argv)
{
    command_function *asks = argc > 1 ? commands_find(argv[1]) : NULL;
    if (asks)
        return asks(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "convert") == 0)
        return convert_command(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "upgrade") == 0)
        return upgrade(argc, argv);
    struct options options;
    if (read_options(argc, argv, &options) != EXIT_SUCCESS)
        return EXIT_USAGE;
    int expected = needs_file(options.command) ? 1 : 0;
    if (argc - optind != expected)
        return fail_usage(expected == 1 ? "give exactly one configuration file"
                                        : "too many arguments");
    switch (options.command) {
    case COMMAND_CHECK:
        return check(argv[optind], CHECK_TEXT);
    case COMMAND_CHECK_JSON:
        return check(argv[optind], CHECK_JSON);
    case COMMAND_SCHEMA:
        return print_schema();
    case COMMAND_VERSION:
        return version_print() ? EXIT_SUCCESS : EXIT_FAILURE;
    case COMMAND_HELP:
        return print(usage_text);
    case COMMAND_INETD:
        return run_inetd(argv[optind], options.service);
    default: /* COMMAND_RUN */
        break;
    }
    return run_process(&(struct run){.file = argv[optind]});
}
