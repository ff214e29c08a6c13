/* A device that calls home (RFC 8071): it opens the TCP connection and is the TLS server on it.
 *
 *     callhome_device HOST:PORT CERTIFICATE KEY CA PEER_NAME
 *
 * It waits for the peer's ClientHello and accepts only PEER_NAME. It sends its standard input, and
 * prints what the peer sends until the peer's close_notify. */
#include <actpass.h>

#include <stdio.h>

enum { COPY_SIZE = 16384 };

static actpass_config *configure(char **argv)
{
    actpass_config *config = actpass_config_new();
    /* This is the role in TLS. Which side opens the TCP connection does not matter for it. */
    if (config && actpass_config_set_role(config, ACTPASS_ROLE_SERVER) == 0 &&
        actpass_config_set_identity(config, argv[2], argv[3]) == 0 &&
        actpass_config_set_ca(config, argv[4]) == 0 &&
        actpass_config_add_peer_name(config, argv[5]) == 0 &&
        actpass_config_set_client_auth(config, ACTPASS_CLIENT_AUTH_REQUIRE) == 0 &&
        actpass_config_set_timeout(config, ACTPASS_HANDSHAKE_TIMEOUT, 30000) == 0)
        return config;
    fprintf(stderr, "callhome_device: %s\n",
            config ? actpass_config_error(config) : "out of memory");
    actpass_config_free(config);
    return NULL;
}

/* Sends close_notify only after all of the input: a part must not pass for all. Reading goes on. */
static int send_input(actpass_conn *conn)
{
    char buffer[COPY_SIZE];
    size_t length = fread(buffer, 1, sizeof(buffer), stdin);
    while (length > 0) {
        if (actpass_write(conn, buffer, length) != 0)
            return -1;
        length = fread(buffer, 1, sizeof(buffer), stdin);
    }
    if (ferror(stdin)) { /* then actpass_close sends no close_notify */
        actpass_fail(conn, ACTPASS_CANCELLED, "cannot read the input");
        return -1;
    }
    return actpass_shutdown_write(conn);
}

/* Returns 0 only after the peer's close_notify: a truncated answer must not pass for a whole one.
 */
static int print_answer(actpass_conn *conn)
{
    char buffer[COPY_SIZE];
    int64_t length = actpass_read(conn, buffer, sizeof(buffer));
    while (length > 0) {
        if (fwrite(buffer, 1, (size_t)length, stdout) != (size_t)length) {
            perror("callhome_device: cannot write the answer");
            return -1;
        }
        length = actpass_read(conn, buffer, sizeof(buffer));
    }
    return length == 0 && fflush(stdout) == 0 ? 0 : -1;
}

static int talk(actpass_conn *conn)
{
    if (actpass_handshake(conn) != 0)
        return -1;
    actpass_info_t info;
    actpass_info(conn, &info);
    fprintf(stderr, "callhome_device: %s with %s, TLS %s\n", info.protocol, info.peer_subject,
            actpass_role_name(info.role));
    return send_input(conn) == 0 && print_answer(conn) == 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: callhome_device HOST:PORT CERTIFICATE KEY CA PEER_NAME\n");
        return 2;
    }
    actpass_config *config = configure(argv);
    if (!config)
        return 1;
    actpass_conn *conn = actpass_connect(config, argv[1]);
    if (!conn) {
        fprintf(stderr, "callhome_device: %s\n", actpass_config_error(config));
        actpass_config_free(config);
        return 1;
    }
    int status = talk(conn);
    actpass_end end = actpass_close(conn);
    if (status != 0 || end != ACTPASS_CLEAN)
        fprintf(stderr, "callhome_device: %s: %s\n", actpass_end_name(end), actpass_error(conn));
    actpass_free(conn);
    actpass_config_free(config);
    return status == 0 && end == ACTPASS_CLEAN ? 0 : 1;
}
