/* Numbers as people read them, short enough for a column. Pure functions. */
#ifndef ACTPASS_SERVER_COMMANDS_UNITS_H
#define ACTPASS_SERVER_COMMANDS_UNITS_H

struct unit_text {
    char text[32];
};

struct unit_text units_duration(double ms);   /* "0.4ms", "12.0s", "3m05s", "4h12m", "3d04h" */
struct unit_text units_bytes(double bytes);   /* "812", "1.2K", "34M" */
struct unit_text units_rate(double a_second); /* "0", "0.4", "120" */

#endif
