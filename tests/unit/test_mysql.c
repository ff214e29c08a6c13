/* MySQL before TLS, and its login. */
#include "server/daemon/starttls/mysql.h"

#include <criterion/criterion.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))
#define BYTES(text) text, sizeof(text) - 1
#define ZEROS "\0\0\0\0\0\0\0\0\0\0"
/* The size, and the second byte of the capabilities, are given. */
#define GREETING(size, second) \
    size "\0\0\0\x0a"          \
         "5.5\0"               \
         "\1\0\0\0"            \
         "saltsalt\0"          \
         "\xfe" second "\x08\2\0\xff\xc1\x15" ZEROS "salt\0"
#define SIZE "\x29" /* 41 */
#define FLAGS(second) "\x84" second "\xbf\0\0\0\0\1\x21"
#define REST ZEROS ZEROS "\0\0\0"

struct row {
    const char *bytes;
    size_t size;
    enum mysql_next next;
    const char *why;
};

static const struct row greetings[] = {
    {BYTES(GREETING(SIZE, "\xff")), MYSQL_READY, ""},
    {BYTES(GREETING(SIZE, "\xf7")), MYSQL_READY, ""},
    {BYTES(SIZE "\0\0\0\x0a"), MYSQL_MORE, ""},
    {BYTES("\x11\0\0\0\xff\x10\4Too many conn."), MYSQL_WRONG,
     "refuses connections: \"Too many conn.\""},
    {BYTES("\2\0\0\0\xff\1"), MYSQL_WRONG, "refuses connections: \"\""},
    {BYTES(GREETING(SIZE, "\0")), MYSQL_WRONG, "protocol 10"}, /* older than 4.1 */
    {BYTES("\0\0\0\0"), MYSQL_WRONG, "protocol 10"},
    {BYTES("\xff\xff\xff\0\x0a"), MYSQL_WRONG, "protocol 10"},
    {BYTES("\x10\0\0\1\x0a"), MYSQL_WRONG, "protocol 10"},
    {BYTES("\x06\0\0\0\x0a"
           "5.5.5"),
     MYSQL_WRONG, "protocol 10"},
    {BYTES("\x08\0\0\0\x0a"
           "5.5\0\1\0\0"),
     MYSQL_WRONG, "protocol 10"},
    {BYTES("220 x\r\n"), MYSQL_WRONG, "protocol 10"},
};

static const struct row requests[] = {
    {BYTES("\x20\0\0\1" FLAGS("\x8a") REST), MYSQL_READY, ""},
    {BYTES("\x20\0\0\1\x84"), MYSQL_MORE, ""},
    {BYTES("\x20\0\0\1" FLAGS("\x8a")), MYSQL_MORE, ""},
    {BYTES("\x40\0\0\1" FLAGS("\x82") REST), MYSQL_WRONG, "without TLS"},
    {BYTES("\x40\0\0\1" FLAGS("\x8a") REST), MYSQL_WRONG, "no answer"},
    {BYTES("\x20\0\0\2" FLAGS("\x8a") REST), MYSQL_WRONG, "no answer"},
    {BYTES("\x1f\0\0\1"), MYSQL_WRONG, "no answer"},
    {BYTES("\x16\3\1\0\5\1"), MYSQL_WRONG, "no answer"},
};

static enum mysql_next read_greeting(const struct row *row, size_t size, struct error_text *why)
{
    size_t used, offer;
    return mysql_read_greeting((const unsigned char *)row->bytes, size, &used, &offer, why);
}

static enum mysql_next read_request(const struct row *row, size_t size, struct error_text *why)
{
    return mysql_read_request((const unsigned char *)row->bytes, size, why);
}

/* Whole, and byte by byte. */
static void check(enum mysql_next (*read)(const struct row *, size_t, struct error_text *),
                  const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct error_text why = {.text = ""};
        enum mysql_next next = MYSQL_MORE;
        cr_assert_eq(read(&rows[i], rows[i].size, &why), rows[i].next, "%zu: %s", i, why.text);
        cr_assert(strstr(why.text, rows[i].why), "%zu: %s", i, why.text);
        for (size_t size = 0; size <= rows[i].size && next == MYSQL_MORE; size++)
            next = read(&rows[i], size, &why);
        cr_assert_eq(next, rows[i].next, "%zu, byte by byte: %s", i, why.text);
    }
}

Test(mysql, greetings)
{
    check(read_greeting, greetings, COUNT(greetings));
}

Test(mysql, requests)
{
    check(read_request, requests, COUNT(requests));
}

Test(mysql, the_byte_that_offers_tls)
{
    size_t used, offer;
    struct error_text why;
    const unsigned char *bytes = (const unsigned char *)greetings[1].bytes;
    cr_assert_eq(mysql_read_greeting(bytes, greetings[1].size, &used, &offer, &why), MYSQL_READY);
    cr_assert_eq(used, greetings[1].size);
    cr_assert_eq(bytes[offer], 0xf7);
    cr_assert(!mysql_has_tls(bytes[offer]));
    cr_assert_eq(mysql_set_tls(0xf7, true), 0xff);
    cr_assert_eq(mysql_set_tls(0xff, false), 0xf7);
}

Test(mysql, the_request_for_a_login)
{
    static const unsigned char login[] = "\x40\0\0\1" FLAGS("\x82") REST "me";
    unsigned char request[MYSQL_REQUEST_SIZE];
    struct error_text why;
    cr_assert_eq(mysql_make_request(login, 35, request, &why), MYSQL_MORE);
    cr_assert_eq(mysql_make_request(login, 36, request, &why), MYSQL_READY);
    cr_assert_eq(memcmp(request, requests[0].bytes, sizeof(request)), 0);
    cr_assert_eq(mysql_make_request((const unsigned char *)requests[0].bytes, 36, request, &why),
                 MYSQL_WRONG); /* it has TLS already */
}

static void pass(struct mysql_flow *flow, const char *bytes, size_t size, const char *wanted)
{
    unsigned char buffer[64];
    struct error_text why;
    memcpy(buffer, bytes, size);
    for (size_t i = 0; i < size; i++)
        cr_assert(mysql_pass(flow, buffer + i, 1, &why), "%s", why.text);
    cr_assert_eq(memcmp(buffer, wanted, size), 0);
}

/* A login, a change of the method, its answer, and the end, to a server without TLS. */
Test(mysql, a_login_is_numbered_anew)
{
    struct mysql_flow up = {.from_client = true}, down = {.to_tls = true};
    pass(&up, BYTES("\3\0\0\2\x85\x8a\1"), "\3\0\0\1\x85\x82\1");
    pass(&down,
         BYTES("\2\0\0\2\xfe"
               "a"),
         "\2\0\0\3\xfe"
         "a");
    pass(&up, BYTES("\3\0\0\4\x85\x8a\1"), "\3\0\0\3\x85\x8a\1");
    cr_assert(!down.done);
    pass(&down, BYTES("\0\0\0\4\2\0\0\5\1\0"), "\0\0\0\5\2\0\0\6\1\0");
    cr_assert(!down.done);
    pass(&down,
         BYTES("\2\0\0\6\0\0"
               "\1\0\0\1\xfe"),
         "\2\0\0\7\0\0"
         "\1\0\0\1\xfe");
    cr_assert(down.done);
}

Test(mysql, a_login_to_tls)
{
    struct mysql_flow up = {.from_client = true, .to_tls = true}, down = {.from_client = false};
    pass(&up, BYTES("\2\0\0\1\x85\x82"), "\2\0\0\2\x85\x8a");
    pass(&down, BYTES("\1\0\0\3\xff"), "\1\0\0\2\xff");
    cr_assert(down.done);
}

Test(mysql, a_login_has_bounds)
{
    static const struct row rows[] = {
        {BYTES("\1\0\0\0\3"), MYSQL_WRONG, "client"}, /* a command, too early */
        {BYTES("\1\0\2\2"), MYSQL_WRONG, "client"},   /* 131073 bytes */
    };
    unsigned char buffer[4 * 64];
    struct error_text why;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mysql_flow flow = {.from_client = true};
        memcpy(buffer, rows[i].bytes, rows[i].size);
        cr_assert(!mysql_pass(&flow, buffer, rows[i].size, &why));
        cr_assert(strstr(why.text, rows[i].why), "%s", why.text);
    }
    struct mysql_flow flow = {.from_client = false};
    for (size_t i = 0; i < sizeof(buffer); i += 4)
        memcpy(buffer + i, "\0\0\0\1", 4);
    cr_assert(!mysql_pass(&flow, buffer, sizeof(buffer), &why));
}
