/* An HTTPS client: wclient2 of "An Introduction to OpenSSL Programming" (Linux Journal, part I and,
 * for resumption, part II, September and October 2001), on actpass.
 *
 *     wclient [-h HOST] [-p PORT] [-i] [-r] [-f] [-a CIPHERS] [--ciphersuites SUITES]
 *             [--ca FILE] [-c CERTIFICATE [-k KEY]] [PATH]
 *
 *     -h, -p          the server; default localhost and 4433
 *     -i              insecure: accept any server
 *     -r              connect a second time and resume the session
 *     -f              TCP Fast Open: from the second connection on, the SYN carries the ClientHello
 *     -a              ciphers for TLS 1.2; --ciphersuites: those for TLS 1.3
 *     --ca            trusted CAs: a PEM file, or "system", which is the default
 *     -c, -k          our certificate, for servers that request one
 *
 * It prints the answer to standard output and messages to standard error. The status is 0 only if
 * the answer is complete. */
#include <actpass.h>

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct options {
    const char *host, *port, *path, *ca, *ciphers, *ciphersuites, *certificate, *key;
    bool insecure, resume, fast_open;
};

/* Where the argument of an option goes. NULL: the option takes none, or is unknown. */
static const char **argument_of(struct options *options, int option)
{
    switch (option) {
    case 'h':
        return &options->host;
    case 'p':
        return &options->port;
    case 'a':
        return &options->ciphers;
    case 's':
        return &options->ciphersuites;
    case 'A':
        return &options->ca;
    case 'c':
        return &options->certificate;
    case 'k':
        return &options->key;
    default:
        return NULL;
    }
}

static bool *flag_of(struct options *options, int option)
{
    switch (option) {
    case 'i':
        return &options->insecure;
    case 'r':
        return &options->resume;
    case 'f':
        return &options->fast_open;
    default:
        return NULL;
    }
}

static bool set_option(struct options *options, int option)
{
    const char **argument = argument_of(options, option);
    bool *flag = flag_of(options, option);
    if (argument)
        *argument = optarg;
    if (flag)
        *flag = true;
    return argument || flag;
}

static bool read_options(int argc, char **argv, struct options *options)
{
    static const struct option longer[] = {
        {"ciphersuites", required_argument, NULL, 's'}, {"ca", required_argument, NULL, 'A'}, {0}};
    *options = (struct options){.host = "localhost", .port = "4433", .path = "/", .ca = "system"};
    for (;;) {
        int option = getopt_long(argc, argv, "h:p:irfa:c:k:", longer, NULL);
        if (option == -1)
            break;
        if (!set_option(options, option))
            return false;
    }
    if (optind < argc)
        options->path = argv[optind++];
    return optind == argc && (options->certificate || !options->key);
}

/* "Server Certificate Checks" in the article (check_cert): the chain must lead to the CA, and the
 * certificate must have the host's name. The configuration holds both rules; they apply to each
 * connection, resumed or not. */
static int set_whom_to_trust(actpass_config *config, const struct options *options)
{
    if (options->insecure)
        return actpass_config_set_insecure_any_peer(config, 1);
    if (actpass_config_set_ca(config, options->ca) != 0)
        return -1;
    return actpass_config_add_peer_name(config, options->host);
}

/* The article's initialize_ctx. Both connections use one configuration, since it holds the table of
 * sessions. */
static actpass_config *configure(const struct options *options)
{
    actpass_config *config = actpass_config_new();
    const char *key = options->key ? options->key : options->certificate;
    if (config && set_whom_to_trust(config, options) == 0 &&
        actpass_config_set_role(config, ACTPASS_ROLE_CLIENT) == 0 &&
        actpass_config_set_tcp_fast_open(config, options->fast_open) == 0 &&
        actpass_config_set_ciphers(config, options->ciphers, options->ciphersuites) == 0 &&
        (!options->certificate ||
         actpass_config_set_identity(config, options->certificate, key) == 0))
        return config;
    fprintf(stderr, "wclient: %s\n", config ? actpass_config_error(config) : "out of memory");
    actpass_config_free(config);
    return NULL;
}

/* The article's http_request. Its loops over SSL_read, with rehandshakes in the middle, are inside
 * actpass_read. */
static int ask(actpass_conn *conn, const struct options *options)
{
    char buffer[16384];
    int length = snprintf(buffer, sizeof(buffer),
                          "GET %s HTTP/1.0\r\nUser-Agent: wclient\r\nHost: %s:%s\r\n\r\n",
                          options->path, options->host, options->port);
    if (length >= (int)sizeof(buffer) || actpass_write(conn, buffer, (size_t)length) != 0)
        return -1;
    int64_t got = actpass_read(conn, buffer, sizeof(buffer));
    bool answered = got > 0;
    while (got > 0) {
        if (fwrite(buffer, 1, (size_t)got, stdout) != (size_t)got) {
            perror("wclient: cannot write the answer");
            return -1;
        }
        got = actpass_read(conn, buffer, sizeof(buffer));
    }
    if (got == 0 && !answered)
        fprintf(stderr, "wclient: the server gave no answer\n");
    return fflush(stdout) == 0 && got == 0 && answered ? 0 : -1;
}

/* "Wait until the server closes" in the article. actpass_read returns 0 only after the server's
 * close_notify. Any other end, such as a bare FIN, may be an attacker's who truncated the answer.
 */
static void report(actpass_conn *conn)
{
    actpass_end end = actpass_close(conn);
    if (end == ACTPASS_CLEAN)
        fprintf(stderr, "wclient: the server closed in order\n");
    else
        fprintf(stderr, "wclient: %s: %s: %s\n",
                end == ACTPASS_TRUNCATED ? "premature close" : "failed", actpass_end_name(end),
                actpass_error(conn));
}

static int visit(actpass_config *config, const struct options *options)
{
    char address[512];
    bool is_v6 = strchr(options->host, ':');
    snprintf(address, sizeof(address), is_v6 ? "[%s]:%s" : "%s:%s", options->host, options->port);
    actpass_conn *conn = actpass_connect(config, address);
    if (!conn) {
        fprintf(stderr, "wclient: %s\n", actpass_config_error(config));
        return -1;
    }
    int status = actpass_handshake(conn);
    if (status == 0) {
        actpass_info_t info;
        actpass_info(conn, &info);
        fprintf(stderr, "wclient: %s, %s, %s session, server %s\n", info.protocol, info.cipher,
                info.resumed ? "resumed" : "new", info.peer_subject);
        status = ask(conn, options);
    }
    report(conn);
    actpass_free(conn);
    return status;
}

/* "Session Resumption" (part II): the article keeps the SSL_SESSION of the first connection and
 * sets it on the second. It notes that a real client needs a table from host and port to session.
 * The library has this table. In TLS 1.3 the session arrives in a ticket after the handshake, so
 * the client must read before it closes. */
int main(int argc, char **argv)
{
    struct options options;
    if (!read_options(argc, argv, &options)) {
        fprintf(stderr, "usage: wclient [-h HOST] [-p PORT] [-i] [-r] [-f] [-a CIPHERS] "
                        "[--ciphersuites SUITES] [--ca FILE] [-c CERTIFICATE [-k KEY]] [PATH]\n");
        return 2;
    }
    actpass_config *config = configure(&options);
    if (!config)
        return 2;
    int status = visit(config, &options);
    if (status == 0 && options.resume)
        status = visit(config, &options);
    actpass_config_free(config);
    return status == 0 ? 0 : 1;
}
