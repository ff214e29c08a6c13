/* What has no effect on where sessions are kept. What is missing there, tls_rules.c knows. */
#include "config/check.h"

static void check_redis(const struct checked_service *checked)
{
    const struct config_sessions *where = &checked->service->connection.tls.sessions;
    struct place *password = place_find(checked->tls, "sessions_password_file");
    struct place *ca = place_find(checked->tls, "sessions_ca");
    if (!where->over_tls && ca && !ca->bad)
        messages_error_at(checked->messages, ca,
                          "has no effect without \"sessions\": \"rediss://...\"");
    if (where->kind != CONFIG_SESSIONS_REDIS && password && !password->bad)
        messages_error_at(checked->messages, password,
                          "has no effect without Redis in \"sessions\"");
}

void check_sessions(const struct checked_service *checked)
{
    const struct place *sessions = place_find(checked->tls, "sessions");
    struct place *key_file = place_find(checked->tls, "session_key_file");
    const struct config_sessions *where = &checked->service->connection.tls.sessions;
    if (!where->text && sessions)
        return; /* it could not be read */
    check_redis(checked);
    if ((where->kind == CONFIG_SESSIONS_OFF || where->kind == CONFIG_SESSIONS_MEMORY) && key_file &&
        !key_file->bad)
        messages_warning_at(checked->messages, key_file,
                            "has no effect: with \"sessions\": \"%s\" nothing is sealed",
                            where->kind == CONFIG_SESSIONS_OFF ? "off" : "memory");
}
