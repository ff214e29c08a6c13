/* The sentence of an error, and its code. */
#include "config/error_text.h"
#include "config/internal.h"
#include "config/key_set.h"

#include <criterion/criterion.h>
#include <string.h>

Test(error_text, is_cut_and_fit_for_a_terminal)
{
    char longer[sizeof(((struct error_text *)0)->text) + 100];
    struct error_text error;
    memset(longer, 'a', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    cr_assert_not(error_set(&error, "%s", longer));
    cr_assert_eq(strlen(error.text), sizeof(error.text) - 1);
    cr_assert_not(error_set(&error, "a\033b\nc\177d"));
    cr_assert_str_eq(error.text, "a.b.c.d");
}

/* The code decides, not the sentence, which may have words of a peer in it. */
Test(error_text, a_lack_of_memory_is_told_by_its_code)
{
    struct error_text error = {.text = ""};
    cr_assert_not(error_is_no_memory(&error), "nothing has failed yet");
    cr_assert_not(error_set(&error, "%s", text_no_memory));
    cr_assert_not(error_is_no_memory(&error));
    cr_assert_not(error_set_code(&error, ERROR_NO_MEMORY, "no room for %s", "a name"));
    cr_assert(error_is_no_memory(&error));
    cr_assert_str_eq(error.text, "no room for a name");
    cr_assert_not(error_set(&error, "something else"));
    cr_assert_not(error_is_no_memory(&error), "the next error replaces it");
}

static const char *no_room(const char *text)
{
    (void)text;
    return text_no_memory;
}

static const char *no_good(const char *text)
{
    (void)text;
    return "out of memory"; /* another string of these letters */
}

Test(error_text, a_value_that_cannot_be_stored_is_told_from_a_wrong_one)
{
    struct error_text error;
    struct key key = {.name = "a", .type = KEY_STRING, .wrong = no_room, .offset = KEY_NOWHERE};
    cr_assert_not(key_set_text(&key, "text", NULL, &error));
    cr_assert(error_is_no_memory(&error));
    key.wrong = no_good;
    cr_assert_not(key_set_text(&key, "text", NULL, &error));
    cr_assert_not(error_is_no_memory(&error));
}
