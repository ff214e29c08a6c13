/* Small pure helpers of the configuration, shared by its files. Any thread. */
#ifndef ACTPASS_CONFIG_INTERNAL_H
#define ACTPASS_CONFIG_INTERNAL_H

#include "config/config.h"
#include "config/error_text.h"

#include <stddef.h>
#include <string.h>

#define DURATION_MAX INT64_C(31536000000) /* 8760h, in milliseconds */
#define UNIX_PATH_MAX 107                 /* sizeof(sun_path) less the NUL */
#define UNIX_PATH_TOO_LONG "the path of a unix: address must be at most 107 bytes"

/* The length in bytes of the valid UTF-8 character there, or 0. */
size_t text_utf8_length(const unsigned char *text, size_t left);
bool text_has_control(const char *text); /* C0, DEL or C1 */

/* "5s", "200ms", "2m", "1h", "0s". False if it is not a duration; too long ones give INT64_MAX. */
bool duration_parse(const char *text, int64_t *ms);
/* The shortest form of it. */
struct duration_text {
    char text[32];
};
struct duration_text duration_print(int64_t ms);

/* The one that was probably meant, or NULL. Names end with NULL. */
const char *suggest_key(const char *text, const char *const *names);

/* `"a", "b" or "c"`, with LAST as " or ". */
void suggest_join(const char *const *names, const char *last, char *text, size_t size);

/* PATH as seen from the folder of FILE; NULL when memory is short. */
char *text_path_beside(const char *file, const char *path);

/* Checkers of strings: NULL if it is fine, or what is wrong (a static string). */
const char *names_wrong_service(const char *text);

/* What is wrong with a template of log lines; NULL: nothing. A static string. */
const char *config_access_wrong(const char *text);
const char *names_wrong_server(const char *text);  /* that we send */
const char *names_wrong_offered(const char *text); /* that a certificate is for: wildcards too */
const char *names_wrong_http_url(const char *text);
const char *names_wrong_prefix(const char *text);
const char *names_wrong_index(const char *text);
const char *names_wrong_absolute(const char *text); /* a path */
const char *names_wrong_ports(const char *text);
const char *names_wrong_account(const char *text); /* a user or a group */
const char *names_wrong_proxy_tlv(const char *text);
const char *names_wrong_mode(const char *text);   /* of a file */
const char *names_wrong_ip(const char *text);     /* an IP address alone */
const char *names_wrong_device(const char *text); /* a network interface */
const char *names_wrong_alpn(const char *text);
const char *names_wrong_ciphers(const char *text); /* of TLS 1.2 */
const char *names_wrong_suites(const char *text);  /* of TLS 1.3 */
const char *names_wrong_groups(const char *text);
/* Characters that no DNS name has, though people write them. */
const char *names_wrong_dns_letters(const char *text);
bool names_is_dns(const char *text); /* ASCII labels; the last one is not all digits */
bool names_is_ipv4(const char *text);
bool names_is_ipv6(const char *text);
bool names_is_zoned_ipv6(const char *text); /* perhaps with a zone, as in fe80::1%eth0 */

/* How many leading characters are letters, digits or one of the others. */
size_t names_span(const char *text, const char *others);

/* What a parser returns that could not allocate. Compared by its address. */
extern const char text_no_memory[];

/* Every default in place. */
void config_service_init(struct config_service *service);
void config_init(struct config *config);
void config_strings_free(struct config_strings *strings); /* what they hold */

/* Room for one more item. Grows by doubling: a full list has a power of two of items. NULL: out of
 * memory. */
void *strings_grow(void *items, size_t count, size_t size);

/* "192.0.2.0/24". False with what is wrong; the network is empty (family 0) then. */
bool names_are_target(const char *text, struct error_text *error); /* for config_target_parse */
bool network_parse(const char *text, struct config_network *network, struct error_text *error);
bool network_contains(const struct config_network *outer, const struct config_network *inner);

/* Two addresses are the same exactly if these texts are. NULL when memory is short. */
char *address_canonical(const struct config_address *address);

#endif
