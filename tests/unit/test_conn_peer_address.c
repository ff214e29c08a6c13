/* The addresses of a connection, of our end and of the peer's, over each kind of socket. */
#include "tests/support/conn_suite.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

TestSuite(conn_peer_address, .timeout = 60);

static struct conn_suite suite;

/* Returns the port. */
static uint16_t must_be_loopback(const struct sockaddr_storage *address, socklen_t size)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)address;
    cr_assert_eq(size, sizeof(*in));
    cr_assert_eq(address->ss_family, AF_INET);
    cr_assert_eq(in->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    return ntohs(in->sin_port);
}

static void must_know_both(struct conn_rig *rig)
{
    actpass_info_t info;
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);
    char text[80];
    cr_assert_eq(actpass_peer_sockaddr(rig->conn, (struct sockaddr *)&address, &size), 0);
    (void)must_be_loopback(&address, size);
    cr_assert_eq(actpass_sockaddr_text((struct sockaddr *)&address, size, text, sizeof(text)), 0);
    actpass_info(rig->conn, &info);
    cr_assert_str_eq(text, info.peer_address);
    size = sizeof(address);
    cr_assert_eq(actpass_local_sockaddr(rig->conn, (struct sockaddr *)&address, &size), 0);
    uint16_t own_port = must_be_loopback(&address, size);
    size = sizeof(address);
    cr_assert_eq(getpeername(rig->peer->fd, (struct sockaddr *)&address, &size), 0);
    cr_assert_eq(must_be_loopback(&address, size), own_port, "as the peer sees it");
}

Test(conn_peer_address, the_addresses_of_both_ends)
{
    conn_suite_begin(&suite);
    for (int t = 0; t < 2; t++) {
        struct conn_rig rig;
        struct sockaddr_storage address;
        socklen_t size = sizeof(address);
        struct conn_rig_options options = conn_defaults(ACTPASS_ROLE_SERVER, 1, conn_transports[t]);
        conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
        must_know_both(&rig);
        cr_assert(conn_shakes_hands(&rig));
        must_know_both(&rig);
        conn_must_end(&rig, ACTPASS_CLEAN, t);
        cr_assert_eq(actpass_peer_sockaddr(rig.conn, (struct sockaddr *)&address, &size), 0);
        (void)must_be_loopback(&address, size);
        cr_assert_eq(actpass_local_sockaddr(rig.conn, (struct sockaddr *)&address, &size), -1);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

Test(conn_peer_address, an_address_that_does_not_fit_is_cut_off)
{
    conn_suite_begin(&suite);
    struct conn_rig rig;
    struct conn_rig_options options = conn_way(0);
    conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
    for (int local = 0; local < 2; local++) {
        char buffer[16];
        socklen_t size = sizeof(sa_family_t);
        memset(buffer, 0x55, sizeof(buffer));
        cr_assert_eq((local ? actpass_local_sockaddr : actpass_peer_sockaddr)(
                         rig.conn, (struct sockaddr *)(void *)buffer, &size),
                     0);
        cr_assert_eq(size, sizeof(struct sockaddr_in));
        cr_assert_eq(((struct sockaddr *)(void *)buffer)->sa_family, AF_INET);
        cr_assert_eq(buffer[sizeof(sa_family_t)], 0x55);
    }
    conn_rig_free(&rig);
    conn_suite_end(&suite);
}

Test(conn_peer_address, over_a_socket_pair)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        actpass_info_t info;
        struct sockaddr_un address;
        socklen_t size = sizeof(address);
        char got[6] = "";
        struct conn_rig_options options = conn_way(which);
        options.unix_sockets = true;
        conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
        cr_assert(conn_shakes_hands(&rig), "way %d: %s", which, conn_rig_says(&rig));
        cr_assert_eq(loop_write(&rig, "hello", 5), 0);
        cr_assert_eq(loop_read(&rig, got, 5), 5);
        actpass_info(rig.conn, &info);
        cr_assert_str_eq(info.peer_address, "unix");
        cr_assert_eq(actpass_peer_sockaddr(rig.conn, (struct sockaddr *)&address, &size), 0);
        cr_assert_eq(address.sun_family, AF_UNIX);
        cr_assert_eq(size, sizeof(sa_family_t), "it has no name");
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        conn_must_be_good(true, &rig, which);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* Two connected sockets on the loopback of vsock. False: this kernel has none. */
static bool sockets_vsock(int fds[2])
{
    struct sockaddr_vm address = {
        .svm_family = AF_VSOCK, .svm_port = VMADDR_PORT_ANY, .svm_cid = VMADDR_CID_LOCAL};
    socklen_t size = sizeof(address);
    int listener = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0)
        return false;
    fds[1] = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool there = bind(listener, (struct sockaddr *)&address, size) == 0 &&
                 listen(listener, 1) == 0 &&
                 getsockname(listener, (struct sockaddr *)&address, &size) == 0 &&
                 connect(fds[1], (struct sockaddr *)&address, size) == 0;
    fds[0] = there ? accept(listener, NULL, NULL) : -1;
    close(listener);
    if (!there)
        close(fds[1]);
    return there;
}

Test(conn_peer_address, over_vsock)
{
    int fds[2];
    if (!sockets_vsock(fds))
        cr_skip_test("there is no vsock loopback here");
    conn_suite_begin(&suite);
    actpass_info_t info;
    struct conn_rig_options options =
        conn_defaults(ACTPASS_ROLE_SERVER, 1, ACTPASS_TRANSPORT_RELAY);
    actpass_config *config = conn_config(&suite.world, &options);
    actpass_conn *conn = actpass_accept_fd(config, fds[0]);
    cr_assert_not_null(conn);
    struct socket_peer *peer = socket_peer_new(fds[1], suite.world.theirs[1], &options.peer);
    socket_peer_start(peer, peer_shakes_hands_and_ends, NULL);
    cr_assert_eq(actpass_handshake(conn), 0, "%s", actpass_error(conn));
    actpass_info(conn, &info);
    cr_assert_eq(strncmp(info.peer_address, "vsock:1:", 8), 0, "%s", info.peer_address);
    cr_assert_eq(actpass_close(conn), ACTPASS_CLEAN);
    actpass_free(conn);
    actpass_config_free(config);
    socket_peer_free(peer);
    conn_suite_end(&suite);
}
