/* "Did you mean": the optimal string alignment distance, with case and - for _ costing nothing. */
#include "config/internal.h"

#include <stdio.h>

#define NAME_MAX_LENGTH 40 /* longer texts are not misspelt keys */

static int fold(char letter)
{
    if (letter >= 'A' && letter <= 'Z')
        return letter - 'A' + 'a';
    return letter == '-' ? '_' : letter;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Both at most NAME_MAX_LENGTH bytes. Three rows of the table are alive at a time. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][NAME_MAX_LENGTH + 1];
    size_t width = strlen(b);
    size_t *before = rows[0];
    size_t *above = rows[1];
    size_t *row = rows[2];
    for (size_t j = 0; j <= width; j++)
        above[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            bool same = fold(a[i - 1]) == fold(b[j - 1]);
            row[j] = smaller(smaller(above[j], row[j - 1]) + 1, above[j - 1] + !same);
            if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
                fold(a[i - 2]) == fold(b[j - 1]))
                row[j] = smaller(row[j], before[j - 2] + 1);
        }
        size_t *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[width];
}

void suggest_join(const char *const *names, const char *last, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; names[i] && used < size; i++) {
        const char *before = i == 0 ? "" : names[i + 1] ? ", " : last;
        int length = snprintf(text + used, size - used, "%s\"%s\"", before, names[i]);
        used += length > 0 ? (size_t)length : 0;
    }
}

const char *suggest_key(const char *text, const char *const *names)
{
    size_t length = strlen(text);
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    if (length > NAME_MAX_LENGTH)
        return NULL;
    for (; *names; names++) {
        size_t other = strlen(*names);
        if (other > NAME_MAX_LENGTH)
            continue;
        size_t longer = length > other ? length : other;
        size_t near = longer < 4 ? 1 : smaller(longer / 3, 3);
        if (longer - smaller(length, other) > near)
            continue;
        size_t found = distance(text, *names);
        if (found <= near && found < best_distance) {
            best = *names;
            best_distance = found;
        }
    }
    return best;
}
