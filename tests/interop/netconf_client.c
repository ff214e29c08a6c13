/* A NETCONF client on libnetconf2 that accepts one call home over TLS (RFC 8071): it listens and is
 * the TLS client. It sends <get>, prints what came, and closes the session.
 *
 *     netconf_client PORT CERTIFICATE KEY CA */
#include <libyang/libyang.h>
#include <nc_client.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MODULES "/usr/share/yuma/modules/ietf" /* of libyuma-base; libnetconf2 installs none */

enum { DEADLINE_S = 60, WAIT_MS = 30000 };

static void need(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "failed: %s\n", what);
        exit(1);
    }
}

static void get(struct nc_session *session)
{
    uint64_t id = 0;
    struct lyd_node *envelope = NULL;
    struct lyd_node *reply = NULL;
    struct nc_rpc *rpc = nc_rpc_get(NULL, NC_WD_UNKNOWN, NC_PARAMTYPE_CONST);
    need(rpc && nc_send_rpc(session, rpc, WAIT_MS, &id) == NC_MSG_RPC, "send <get>");
    need(nc_recv_reply(session, rpc, id, WAIT_MS, &envelope, &reply) == NC_MSG_REPLY && reply,
         "reply to <get>");
    need(lyd_print_file(stdout, reply, LYD_XML, LYD_PRINT_WITHSIBLINGS) == LY_SUCCESS, "print");
    lyd_free_all(envelope);
    lyd_free_all(reply);
    nc_rpc_free(rpc);
}

int main(int argc, char **argv)
{
    struct nc_session *session = NULL;
    need(argc == 5, "usage: netconf_client PORT CERTIFICATE KEY CA");
    alarm(DEADLINE_S);
    nc_client_init();
    need(nc_client_set_schema_searchpath(MODULES) == 0 &&
             nc_client_tls_ch_set_cert_key_paths(argv[2], argv[3]) == 0 &&
             nc_client_tls_ch_set_trusted_ca_paths(argv[4], NULL) == 0 &&
             nc_client_tls_ch_add_bind_listen("127.0.0.1", (uint16_t)strtoul(argv[1], NULL, 10)) ==
                 0,
         "configuration");
    puts("listening");
    fflush(stdout);
    need(nc_accept_callhome(WAIT_MS, NULL, &session) == 1, "accept the call home");
    printf("session %u\n", nc_session_get_id(session));
    get(session);
    nc_session_free(session, NULL); /* sends <close-session> and waits for the reply */
    nc_client_destroy();
    return 0;
}
