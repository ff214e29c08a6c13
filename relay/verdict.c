#include "relay/verdict.h"

const char *role_name(enum role role)
{
    switch (role) {
    case ROLE_AUTO:
        return "auto";
    case ROLE_SERVER:
        return "server";
    case ROLE_CLIENT:
        return "client";
    case ROLE_NONE:
        break;
    }
    return "none";
}

const char *cause_name(enum cause cause)
{
    switch (cause) {
    case CAUSE_UNDECIDED:
        break;
    case CAUSE_CONFIGURED:
        return "configured";
    case CAUSE_CLIENT_HELLO:
        return "client_hello";
    case CAUSE_SILENCE:
        return "silence";
    case CAUSE_CLOSED_BEFORE_FIRST_BYTE:
        return "closed_before_first_byte";
    case CAUSE_PEER_ANSWERS_AS_SERVER:
        return "peer_answers_as_server";
    case CAUSE_ALERT_FIRST:
        return "alert_first";
    case CAUSE_NOT_TLS:
        return "not_tls";
    case CAUSE_HELLO_INCOMPLETE:
        return "hello_incomplete";
    case CAUSE_CLIENT_HELLO_LATE:
        return "client_hello_late";
    case CAUSE_GLARE_WON:
        return "glare_won";
    case CAUSE_GLARE_LOST:
        return "glare_lost";
    case CAUSE_GLARE_UNSUPPORTED:
        return "glare_unsupported";
    case CAUSE_REFLECTION:
        return "reflection";
    case CAUSE_HINT:
        return "hint";
    }
    return "undecided";
}
