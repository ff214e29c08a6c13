/* Where sessions are kept, and the keys that seal them. */
#include "config/check.h"

static void check_redis(const struct checked_service *checked, struct place *sessions)
{
    const struct config_sessions *where = &checked->service->connection.tls.sessions;
    struct place *password = place_find(checked->tls, "sessions_password_file");
    struct place *ca = place_find(checked->tls, "sessions_ca");
    if (where->user && !password)
        error_at(checked->messages, sessions,
                 "names a user of Redis: add \"sessions_password_file\"");
    if (where->over_tls && !ca)
        error_at(checked->messages, sessions,
                 "is over TLS, where the server's certificate is verified: add \"sessions_ca\"");
    if (!where->over_tls && ca && !ca->bad)
        error_at(checked->messages, ca, "has no effect without \"sessions\": \"rediss://...\"");
    if (where->kind != CONFIG_SESSIONS_REDIS && password && !password->bad)
        error_at(checked->messages, password, "has no effect without Redis in \"sessions\"");
}

void check_sessions(const struct checked_service *checked)
{
    struct place *sessions = place_find(checked->tls, "sessions");
    struct place *key_file = place_find(checked->tls, "session_key_file");
    enum config_sessions_kind kind = checked->service->connection.tls.sessions.kind;
    if (sessions && sessions->bad)
        return;
    check_redis(checked, sessions);
    if ((kind == CONFIG_SESSIONS_FILE || kind == CONFIG_SESSIONS_REDIS) && !key_file)
        error_at(checked->messages, sessions,
                 "keeps secrets outside of this process, where they are sealed: add "
                 "\"session_key_file\"");
    else if ((kind == CONFIG_SESSIONS_OFF || kind == CONFIG_SESSIONS_MEMORY) && key_file &&
             !key_file->bad)
        warning_at(checked->messages, key_file,
                   "has no effect: with \"sessions\": \"%s\" nothing is sealed",
                   kind == CONFIG_SESSIONS_OFF ? "off" : "memory");
}
