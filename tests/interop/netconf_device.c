/* A NETCONF device on libnetconf2 that calls home over TLS (RFC 8071): it opens the connection and
 * is the TLS server. It answers <get> with its YANG library until the session is closed.
 *
 *     netconf_device PORT CERTIFICATE KEY CA CA-FINGERPRINT
 *
 * Prints the name that the client's certificate was mapped to, then how the session ended. */
#include <libyang/libyang.h>
#include <nc_server.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODULES "/usr/share/yuma/modules/ietf" /* of libyuma-base; libnetconf2 installs none */
#define CLIENT "collector"
#define ENDPOINT "actpass"

enum { DEADLINE_S = 60, POLL_MS = 1000 };

struct files {
    const char *certificate;
    const char *key;
    const char *ca;
};

static struct nc_pollsession *sessions;

static void need(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "failed: %s\n", what);
        exit(1);
    }
}

static int give_certificate(const char *name, void *user_data, char **cert_path, char **cert_data,
                            char **key_path, char **key_data, NC_SSH_KEY_TYPE *key_type)
{
    const struct files *files = user_data;
    (void)name;
    *cert_path = strdup(files->certificate);
    *key_path = strdup(files->key);
    *cert_data = *key_data = NULL;
    *key_type = NC_SSH_KEY_ECDSA;
    return *cert_path && *key_path ? 0 : -1;
}

/* libnetconf2 asks for such a list even where CA files are set, so the CA is in the list. */
static int give_trusted(const char *name, void *user_data, char ***paths, int *path_count,
                        char ***data, int *data_count)
{
    const struct files *files = user_data;
    (void)name;
    *data = NULL;
    *data_count = 0;
    *path_count = 1;
    *paths = calloc(1, sizeof(**paths));
    need(*paths, "memory");
    **paths = strdup(files->ca);
    return **paths ? 0 : -1;
}

static struct nc_server_reply *answer(struct lyd_node *rpc, struct nc_session *session)
{
    struct ly_ctx *context = nc_session_get_ctx(session);
    struct lyd_node *data = NULL;
    struct lyd_node *reply = NULL;
    need(strcmp(LYD_NAME(rpc), "get") == 0, "the request is <get>");
    need(ly_ctx_get_yanglib_data(context, &data, "%s", "1") == LY_SUCCESS, "YANG library");
    need(lyd_dup_single(rpc, NULL, 0, &reply) == LY_SUCCESS &&
             lyd_new_any(reply, NULL, "data", data, 1, LYD_ANYDATA_DATATREE, 1, NULL) == LY_SUCCESS,
         "reply");
    return nc_server_reply_data(reply, NC_WD_UNKNOWN, NC_PARAMTYPE_FREE);
}

static int take_session(const char *client, struct nc_session *session)
{
    printf("%s is %s\n", client, nc_session_get_username(session));
    fflush(stdout);
    return nc_ps_add_session(sessions, session);
}

static void call_home(const char *port, const char *fingerprint, struct files *files)
{
    nc_server_tls_set_server_cert_clb(give_certificate, files, NULL);
    nc_server_tls_set_trusted_cert_list_clb(give_trusted, files, NULL);
    need(nc_server_ch_add_client(CLIENT) == 0 &&
             nc_server_ch_client_add_endpt(CLIENT, ENDPOINT, NC_TI_OPENSSL) == 0 &&
             nc_server_ch_client_endpt_set_address(CLIENT, ENDPOINT, "127.0.0.1") == 0 &&
             nc_server_ch_client_endpt_set_port(CLIENT, ENDPOINT,
                                                (uint16_t)strtoul(port, NULL, 10)) == 0 &&
             nc_server_ch_client_set_conn_type(CLIENT, NC_CH_PERSIST) == 0 &&
             nc_server_ch_client_set_start_with(CLIENT, NC_CH_FIRST_LISTED) == 0 &&
             nc_server_tls_ch_client_endpt_set_server_cert(CLIENT, ENDPOINT, "own") == 0 &&
             nc_server_tls_ch_client_endpt_add_trusted_cert_list(CLIENT, ENDPOINT, "ca") == 0 &&
             nc_server_tls_ch_client_endpt_add_ctn(CLIENT, ENDPOINT, 1, fingerprint,
                                                   NC_TLS_CTN_SAN_DNS_NAME, NULL) == 0,
         "configuration");
    need(nc_connect_ch_client_dispatch(CLIENT, take_session) == 0, "dispatch");
}

static void serve(void)
{
    for (int state = 0; !(state & NC_PSPOLL_SESSION_TERM);) {
        state = nc_ps_poll(sessions, POLL_MS, NULL);
        if (state & NC_PSPOLL_NOSESSIONS)
            usleep(POLL_MS); /* as libnetconf2's documentation does it */
        need(!(state & (NC_PSPOLL_ERROR | NC_PSPOLL_SESSION_ERROR | NC_PSPOLL_BAD_RPC)), "session");
    }
    puts("closed");
}

int main(int argc, char **argv)
{
    struct ly_ctx *context = NULL;
    need(argc == 6, "usage: netconf_device PORT CERTIFICATE KEY CA CA-FINGERPRINT");
    struct files files = {argv[2], argv[3], argv[4]};
    alarm(DEADLINE_S);
    need(ly_ctx_new(MODULES, 0, &context) == LY_SUCCESS &&
             ly_ctx_load_module(context, "ietf-netconf", NULL, NULL),
         "YANG module ietf-netconf");
    need(nc_server_init(context) == 0, "nc_server_init");
    nc_set_global_rpc_clb(answer);
    sessions = nc_ps_new();
    call_home(argv[1], argv[5], &files);
    serve();
    nc_server_ch_del_client(CLIENT); /* so that it does not connect again */
    nc_ps_clear(sessions, 1, NULL);
    nc_ps_free(sessions);
    nc_server_destroy();
    ly_ctx_destroy(context);
    return 0;
}
