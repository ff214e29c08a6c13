#include "server/daemon/handlers/http/date.h"

#include <stdio.h>
#include <string.h>

/* Not strftime and strptime, which depend on the locale. */
static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void http_date_write(time_t time, char text[HTTP_DATE_SIZE])
{
    struct tm parts;
    if (!gmtime_r(&time, &parts) || parts.tm_year > 9999 - 1900 || parts.tm_year < 0) {
        memset(&parts, 0, sizeof(parts)); /* a file may have any time */
        parts.tm_year = 70;
        parts.tm_mday = 1;
        parts.tm_wday = 4;
    }
    (void)snprintf(text, HTTP_DATE_SIZE, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
                   days[parts.tm_wday], parts.tm_mday, months[parts.tm_mon], parts.tm_year + 1900,
                   parts.tm_hour, parts.tm_min, parts.tm_sec);
}

/* -1: there are fewer digits than that. */
static int number(const char *at, int digits)
{
    int value = 0;
    for (int i = 0; i < digits; i++) {
        if (at[i] < '0' || at[i] > '9')
            return -1;
        value = value * 10 + at[i] - '0';
    }
    return value;
}

/* The date that was read is written and compared, which checks each byte and the day of the
 * week. */
bool http_date_read(struct http_text text, time_t *time)
{
    char again[HTTP_DATE_SIZE];
    if (text.length != strlen("Sun, 06 Nov 1994 08:49:37 GMT"))
        return false;
    struct tm parts = {.tm_mday = number(text.at + 5, 2),
                       .tm_mon = -1,
                       .tm_year = number(text.at + 12, 4) - 1900,
                       .tm_hour = number(text.at + 17, 2),
                       .tm_min = number(text.at + 20, 2),
                       .tm_sec = number(text.at + 23, 2)};
    for (int month = 0; month < 12; month++)
        if (memcmp(text.at + 8, months[month], 3) == 0)
            parts.tm_mon = month;
    if (parts.tm_mon < 0 || parts.tm_year < 0)
        return false;
    *time = timegm(&parts);
    http_date_write(*time, again);
    return memcmp(text.at, again, text.length) == 0;
}
