#include "server/daemon/commands/once.h"

#include "config/text.h"
#include "server/daemon/commands/picture.h"
#include "server/daemon/commands/target.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINES_ON_TERMINAL = 50 };

/* ---- JSON ----------------------------------------------------------------------------------- */

static bool continues(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

/* Writes the character there as an escape of JSON; returns its length in bytes. */
static size_t print_escape(const unsigned char *at)
{
    unsigned code = 0xfffd; /* of what is no character */
    size_t length = 1;
    if (at[0] < 0x80) {
        code = at[0];
    } else if ((at[0] & 0xe0) == 0xc0 && continues(at[1])) {
        code = (at[0] & 0x1fU) << 6 | (at[1] & 0x3fU);
        length = 2;
    } else if ((at[0] & 0xf0) == 0xe0 && continues(at[1]) && continues(at[2])) {
        code = (at[0] & 0xfU) << 12 | (at[1] & 0x3fU) << 6 | (at[2] & 0x3fU);
        length = 3;
    }
    (void)printf("\\u%04x", code);
    return length;
}

/* JSON may hold characters that control a terminal; escaped they are the same text. In what cJSON
 * prints they can only be in strings. */
static bool print_json(const cJSON *status)
{
    char *text = cJSON_PrintUnformatted(status);
    bool made = text;
    for (const unsigned char *at = (const unsigned char *)text; text && *at;) {
        size_t plain = text_plain_length(at);
        if (plain > 0)
            (void)fwrite(at, 1, plain, stdout);
        at += plain > 0 ? plain : print_escape(at);
    }
    (void)putchar('\n');
    cJSON_free(text);
    return made;
}

/* ---- Text ----------------------------------------------------------------------------------- */

static bool print_text(const cJSON *status)
{
    const struct picture picture = {.now = status,
                                    .lines = isatty(STDOUT_FILENO) ? LINES_ON_TERMINAL : 0,
                                    .look = {.head_begin = "", .head_end = ""}};
    char *text = picture_text(&picture);
    bool drawn = text;
    if (drawn)
        (void)fputs(text, stdout);
    free(text);
    return drawn;
}

static int fail(const char *why)
{
    (void)fprintf(stderr, "actpass: %s\n", why);
    return EXIT_FAILURE;
}

int once(const char *place, enum once_form form)
{
    struct config_address address;
    struct error_text error;
    cJSON *status = target_find(place, &address, &error) ? target_status(&address, &error) : NULL;
    config_address_free(&address);
    if (!status)
        return fail(error.text);
    bool printed = form == ONCE_JSON ? print_json(status) : print_text(status);
    cJSON_Delete(status);
    if (!printed)
        return fail("out of memory");
    return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
}
