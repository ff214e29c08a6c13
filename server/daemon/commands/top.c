/* `actpass top`: the status, drawn anew every second. */
#include "relay/clock.h"
#include "server/daemon/commands/commands.h"
#include "server/daemon/commands/once.h"
#include "server/daemon/commands/picture.h"
#include "server/daemon/commands/target.h"
#include "server/daemon/commands/terminal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, REFRESH_MS = 1000 };

/* The last two answers. */
struct top {
    struct config_address address;
    cJSON *now, *before;
    struct error_text error; /* why there is no newer one; "": there is */
};

/* What was known stays, if the daemon does not answer. */
static bool refresh(struct top *top)
{
    struct error_text error;
    cJSON *status = target_status(&top->address, &error);
    if (!status) {
        top->error = error;
        return false;
    }
    top->error.text[0] = '\0';
    cJSON_Delete(top->before);
    top->before = top->now;
    top->now = status;
    return true;
}

static void top_free(struct top *top)
{
    cJSON_Delete(top->now);
    cJSON_Delete(top->before);
    config_address_free(&top->address);
}

/* The picture, below a line with the error if there is one; the caller frees it. */
static char *draw(const struct top *top, struct terminal_size size)
{
    const struct picture picture = {
        .now = top->now,
        .before = top->before,
        .lines = size.lines,
        .look = {.width = size.width, .head_begin = "\x1b[7m", .head_end = "\x1b[27m"}};
    char *text = picture_text(&picture), *both = NULL;
    if (!text || top->error.text[0] == '\0')
        return text;
    if (asprintf(&both, "No answer, as before: %s\n%s", top->error.text, text) < 0)
        both = NULL;
    free(text);
    return both;
}

static bool paint(const struct top *top)
{
    struct terminal_size size = terminal_size();
    char *text = draw(top, size);
    bool painted = text && terminal_paint(text, size.lines);
    free(text);
    return painted;
}

static int run(struct top *top)
{
    struct terminal terminal;
    if (!terminal_begin(&terminal)) {
        (void)fprintf(stderr, "actpass: cannot take signals: %s\n", strerror(errno));
        return EXIT_FAILURE;
    }
    enum terminal_event event = TERMINAL_LATE;
    bool painted = paint(top);
    while (painted && event != TERMINAL_QUIT) {
        event = terminal_wait(&terminal, clock_deadline_ms(REFRESH_MS));
        if (event == TERMINAL_LATE)
            (void)refresh(top); /* paint says what is wrong */
        if (event != TERMINAL_QUIT)
            painted = paint(top);
    }
    terminal_end(&terminal);
    return painted ? EXIT_SUCCESS : EXIT_FAILURE;
}

int top_command(int argc, char **argv)
{
    struct top top = {.error = {.text = ""}};
    if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
        (void)fputs("actpass: top takes one FILE (a configuration with \"admin\") or ADDRESS (its "
                    "\"listen\")\n",
                    stderr);
        return EXIT_USAGE;
    }
    if (!isatty(STDOUT_FILENO))
        return once(argv[1], ONCE_TEXT);
    int status = EXIT_FAILURE;
    if (target_find(argv[1], &top.address, &top.error) && refresh(&top))
        status = run(&top);
    else
        (void)fprintf(stderr, "actpass: %s\n", top.error.text);
    top_free(&top);
    return status;
}
