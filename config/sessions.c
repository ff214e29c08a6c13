/* Where sessions are kept: "off", "memory", "tickets", "file:PATH",
 * "redis://[USER@]HOST[:PORT][/DB]", the same with "rediss://" for TLS, or "redis:unix:PATH". */
#include "config/internal.h"

#include <stdio.h>
#include <stdlib.h>

#define REDIS_PORT "6379"

static const char *copy_path(const char *path, char **to)
{
    *to = strdup(path);
    return *to ? NULL : text_no_memory;
}

static const char *parse_file(const char *path, struct config_sessions *sessions)
{
    if (path[0] == '\0')
        return "a path must follow file:";
    if (strncmp(path, "//", 2) == 0)
        return "the path follows file: without //, as in \"file:/var/lib/actpass/sessions\"";
    return copy_path(path, &sessions->path);
}

static const char *parse_socket(const char *path, struct config_sessions *sessions)
{
    if (path[0] == '\0')
        return "a path must follow redis:unix:";
    if (strlen(path) > UNIX_PATH_MAX)
        return UNIX_PATH_TOO_LONG;
    return copy_path(path, &sessions->path);
}

static const char *parse_database(const char *text, uint16_t *db)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long value = digits && digits <= 5 ? strtoul(text, NULL, 10) : UINT16_MAX + 1UL;
    if (text[digits] != '\0' || (text[0] == '0' && digits > 1) || value > UINT16_MAX)
        return "the database, after the /, must be a number from 0 to 65535";
    *db = (uint16_t)value;
    return NULL;
}

/* "HOST" or "HOST:PORT". */
static const char *parse_server(const char *text, struct config_sessions *sessions)
{
    struct config_address address;
    char *whole = NULL;
    const char *colon = strrchr(text, ':');
    bool port = colon && (text[0] != '[' || colon[-1] == ']');
    if (text[0] == '\0' || (text[0] == ':' && colon == text))
        return "the host is missing, as in \"redis://127.0.0.1:" REDIS_PORT "/0\"";
    if (strncmp(text, "unix:", 5) == 0)
        return "a socket is written without //, as in \"redis:unix:/run/redis.sock\"";
    if (asprintf(&whole, "%s%s", text, port ? "" : ":" REDIS_PORT) < 0)
        return text_no_memory;
    const char *wrong = config_address_parse(whole, &address);
    free(whole);
    if (wrong)
        return wrong;
    sessions->host = address.host;
    sessions->port = address.port;
    address.host = NULL;
    config_address_free(&address);
    return sessions->port ? NULL : "the port must be a number from 1 to 65535";
}

/* "USER@" or nothing. */
static const char *parse_user(const char **text, struct config_sessions *sessions)
{
    const char *at = strrchr(*text, '@');
    if (!at)
        return NULL;
    size_t length = (size_t)(at - *text);
    if (memchr(*text, ':', length))
        return "the configuration must not hold a password, since others may read it: put it "
               "into a file and name that in \"sessions_password_file\"";
    if (length == 0 || memchr(*text, '@', length) || memchr(*text, '%', length))
        return "the user, before the @, must be a name without @ and %";
    sessions->user = strndup(*text, length);
    *text = at + 1;
    return sessions->user ? NULL : text_no_memory;
}

static const char *parse_url(const char *text, struct config_sessions *sessions)
{
    size_t length = strcspn(text, "/");
    char *server = strndup(text, length);
    if (!server)
        return text_no_memory;
    const char *host = server;
    const char *wrong = parse_user(&host, sessions);
    if (!wrong)
        wrong = parse_server(host, sessions);
    if (!wrong && text[length] == '/')
        wrong = parse_database(text + length + 1, &sessions->db);
    free(server);
    return wrong;
}

static const char *parse_tls_url(const char *text, struct config_sessions *sessions)
{
    sessions->over_tls = true;
    return parse_url(text, sessions);
}

static const struct form {
    const char *begin;
    bool whole; /* nothing follows */
    enum config_sessions_kind kind;
    const char *(*parse)(const char *rest, struct config_sessions *sessions);
} forms[] = {{"off", true, CONFIG_SESSIONS_OFF, NULL},
             {"memory", true, CONFIG_SESSIONS_MEMORY, NULL},
             {"tickets", true, CONFIG_SESSIONS_TICKETS, NULL},
             {"file:", false, CONFIG_SESSIONS_FILE, parse_file},
             {"redis:unix:", false, CONFIG_SESSIONS_REDIS, parse_socket},
             {"redis://", false, CONFIG_SESSIONS_REDIS, parse_url},
             {"rediss://", false, CONFIG_SESSIONS_REDIS, parse_tls_url}};

static const struct form *form_of(const char *text)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
        size_t length = strlen(forms[i].begin);
        if (strncmp(text, forms[i].begin, length) == 0 && (!forms[i].whole || text[length] == '\0'))
            return &forms[i];
    }
    return NULL;
}

const char *config_sessions_parse(const char *text, struct config_sessions *sessions)
{
    const struct form *form = form_of(text);
    const char *wrong = NULL;
    *sessions = (struct config_sessions){0};
    if (!form)
        return "must be \"off\", \"memory\", \"tickets\", \"file:/path\", "
               "\"redis://host:port/db\", \"rediss://host:port/db\" or \"redis:unix:/path\"";
    if (text_has_control(text))
        return "must not hold control characters";
    sessions->kind = form->kind;
    sessions->text = strdup(text);
    if (!sessions->text)
        wrong = text_no_memory;
    else if (form->parse)
        wrong = form->parse(text + strlen(form->begin), sessions);
    if (wrong)
        config_sessions_free(sessions);
    return wrong;
}

void config_sessions_free(struct config_sessions *sessions)
{
    free(sessions->text);
    free(sessions->path);
    free(sessions->host);
    free(sessions->user);
    free(sessions->password_file);
    free(sessions->ca);
    *sessions = (struct config_sessions){0};
}
