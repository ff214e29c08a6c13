/* The configuration: JSON text in, plain structs or a list of errors out.
 *
 * Knows JSON and the file system (is a named file there?), nothing of sockets or TLS. No function
 * here prints. A loaded configuration is never changed afterwards, so any thread may read it. */
#ifndef ACTPASS_CONFIG_CONFIG_H
#define ACTPASS_CONFIG_CONFIG_H

#include "config/config_address.h"
#include "config/config_handler.h"
#include "config/config_names.h"
#include "config/config_service.h"
#include "config/config_tls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum config_log_level { CONFIG_LOG_ERROR, CONFIG_LOG_WARNING, CONFIG_LOG_INFO, CONFIG_LOG_DEBUG };
enum config_log_format { CONFIG_LOG_LOGFMT, CONFIG_LOG_JSON, CONFIG_LOG_JOURNALD };
/* Whether the process confines itself: where the system lets it (the default), or else it does not
 * start, or not at all. */
enum config_sandbox { CONFIG_SANDBOX_PREFER, CONFIG_SANDBOX_REQUIRE, CONFIG_SANDBOX_OFF };

/* What the daemon says about itself over HTTP. */
struct config_admin {
    struct config_address listen; /* NONE: nobody asks. A unix socket, a loopback address, or
                                     localhost */
    struct config_socket_file file;
};

struct origin;

struct config {
    enum config_log_level log_level;
    enum config_log_format log_format;
    int64_t shutdown_timeout_ms; /* how long open connections may go on after SIGTERM; 30 s */
    struct config_admin admin;
    struct config_address control; /* a unix socket; NONE: nobody controls it by one */
    struct config_service *services;
    size_t service_count;
    enum config_sandbox sandbox;
    struct config_strings sandbox_read, sandbox_write; /* absolute paths */
    struct config_strings sandbox_connect;             /* ports: see config_ports_parse */
    char *user, *group;                                /* to become after the start; NULL: none */
    /* The files and folders that it was read from, beside its own file. */
    struct config_strings sources;
    struct origin *origin; /* for messages about values; NULL: forgotten */
};

/* May a device of the pool have this name, by "peer_names" of a service that offers to it? */
bool config_pool_may_have(const struct config *config, const char *pool, const char *name);

/* Has one of its services such a handler? */
bool config_uses_handler(const struct config *config, enum config_handler_kind kind);

enum config_severity { CONFIG_ERROR, CONFIG_WARNING };

/* One message, in parts. Lines and columns count from 1, columns in characters; the position is the
 * key's where the key is wrong, else the value's. */
struct config_message {
    enum config_severity severity;
    char *file;            /* as messages show it */
    unsigned line, column; /* line 0: the file as a whole */
    char *key;             /* a JSON pointer such as "/services/0/listen"; NULL: none */
    char *text;            /* what is wrong, and the remedy */
    /* For sorting. */
    unsigned file_number;
    size_t order;
};

/* All that is wrong with a configuration, sorted by position, one finished line each:
 * `FILE:LINE:COLUMN: /json/path: what is wrong, and the remedy`. A text that is not JSON has one
 * error, without a path; a file that cannot be read has one without a position. Warnings do not
 * stop a load; they have `warning: ` before the path. The messages are the same in parts. */
struct config_report {
    struct config_strings errors;
    struct config_strings warnings;
    struct config_message *messages;
    size_t message_count;
    enum config_log_format log_format; /* of the file, if that could be read: for these messages */
};

/* Reads and checks FILE. Returns a configuration that the caller frees with config_free, or NULL
 * when the report has errors. The report is initialised here and freed by the caller in both
 * cases. Running out of memory is reported as the only error (a report without any error: there was
 * no memory even for that). */
struct config *config_load(const char *file, struct config_report *report);

/* The same for a text in memory; FILE is used in messages and to resolve relative paths.
 * The text need not end in NUL and may contain any bytes. */
struct config *config_parse(const char *file, const char *text, size_t length,
                            struct config_report *report);

/* As config_load, but also returns a configuration with errors, whose further values the caller
 * checks: what is wrong is as if it had not been written. Knows where its values are, until
 * config_forget_origin. NULL: nothing of it can be read. */
struct config *config_load_all(const char *file, struct config_report *report);
void config_forget_origin(struct config *config);

/* Adds a message about all of the configuration, or about a value of a service, to the place where
 * it belongs. KEY is a path such as "tls/certificate"; if that is not there, what it belongs to is
 * named. A second message about a value that is wrong is left out, and so is one for which there is
 * no memory. CONFIG is of config_load_all. */
__attribute__((format(printf, 4, 5))) void config_report_add(struct config_report *report,
                                                             enum config_severity severity,
                                                             const struct config *config,
                                                             const char *format, ...);
__attribute__((format(printf, 6, 7))) void config_report_add_at(struct config_report *report,
                                                                enum config_severity severity,
                                                                const struct config *config,
                                                                size_t service, const char *key,
                                                                const char *format, ...);

/* Is that value of a service written in the configuration? */
bool config_has_place(const struct config *config, size_t service, const char *key);

/* The keys outside of "services" whose values a running program cannot change, counted from 0, in
 * the order of the table; NULL: there are no more. Static strings. */
const char *config_fixed_key(size_t number);

/* What is written for a service, or for a key outside of "services", as a text that is another one
 * if anything in it is changed: its file, and its JSON with all variables replaced. "": nothing.
 * The caller frees it. NULL: out of memory. CONFIG still knows its origin. */
char *config_service_text(const struct config *config, size_t service);
char *config_key_text(const struct config *config, const char *key);

void config_free(struct config *config); /* NULL: does nothing */
void config_report_free(struct config_report *report);

/* The JSON Schema (draft-07) of the configuration: the text of config/actpass.schema.json. The
 * caller frees it. NULL: out of memory. */
char *config_schema(void);

#endif
