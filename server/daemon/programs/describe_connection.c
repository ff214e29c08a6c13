#include "server/daemon/programs/describe_connection.h"

#include "server/daemon/spawner/variables.h"

#include <netdb.h>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(struct message *message, enum variable variable, const char *value)
{
    message->size = (uint32_t)variables_add(message->text, message->size, MESSAGE_TEXT_MAX,
                                            variable, value ? value : "");
}

/* ---- Addresses ----------------------------------------------------------------------------- */

static void put_address(struct message *message, const struct sockaddr_storage *address,
                        socklen_t size, enum variable host_variable, enum variable port_variable)
{
    char host[NI_MAXHOST], port[NI_MAXSERV];
    bool ip = address->ss_family == AF_INET || address->ss_family == AF_INET6;
    if (!ip || getnameinfo((const struct sockaddr *)(const void *)address, size, host, sizeof(host),
                           port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return;
    put(message, host_variable, host);
    put(message, port_variable, port);
    if (host_variable != VARIABLE_TCPREMOTEIP)
        return;
    put(message, VARIABLE_REMOTE_HOST, host);
    put(message, VARIABLE_REMOTE_ADDR, host);
    put(message, VARIABLE_REMOTE_PORT, port);
}

static void put_addresses(struct message *message, actpass_conn *conn)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof(address);
    if (actpass_peer_sockaddr(conn, (struct sockaddr *)(void *)&address, &size) == 0)
        put_address(message, &address, size, VARIABLE_TCPREMOTEIP, VARIABLE_TCPREMOTEPORT);
    size = sizeof(address);
    if (actpass_local_sockaddr(conn, (struct sockaddr *)(void *)&address, &size) == 0)
        put_address(message, &address, size, VARIABLE_TCPLOCALIP, VARIABLE_TCPLOCALPORT);
    put(message, VARIABLE_PROTO, "TCP");
}

/* ---- The peer ------------------------------------------------------------------------------ */

/* "sha256:" and the hash of the public key, as in "peer_pins". */
static void put_pin(struct message *message, const X509 *certificate)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned char *key = NULL;
    unsigned int size = 0;
    char text[sizeof("sha256:") + 64] = "sha256:";
    int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &key);
    if (length > 0 && EVP_Digest(key, (size_t)length, digest, &size, EVP_sha256(), NULL) == 1 &&
        size == 32) {
        for (size_t i = 0; i < size; i++)
            (void)snprintf(text + strlen("sha256:") + 2 * i, 3, "%02x", digest[i]);
        put(message, VARIABLE_PEER_PIN, text);
    }
    OPENSSL_free(key);
}

/* In the form of the peer's own name, RFC 2253, as mod_ssl has it. */
static void put_issuer(struct message *message, const X509 *certificate)
{
    char text[VARIABLE_VALUE_MAX] = "";
    BIO *memory = BIO_new(BIO_s_mem());
    if (memory &&
        X509_NAME_print_ex(memory, X509_get_issuer_name(certificate), 0, XN_FLAG_RFC2253) >= 0) {
        int length = BIO_read(memory, text, sizeof(text) - 1);
        text[length > 0 ? length : 0] = '\0';
    }
    BIO_free(memory);
    put(message, VARIABLE_SSL_CLIENT_I_DN, text);
}

/* False: it has none. */
static bool put_certificate(struct message *message, actpass_conn *conn)
{
    int64_t size = actpass_peer_certificate(conn, 0, NULL, 0);
    unsigned char *der = size > 0 ? malloc((size_t)size) : NULL;
    if (der && actpass_peer_certificate(conn, 0, der, (size_t)size) == size) {
        const unsigned char *at = der;
        X509 *certificate = d2i_X509(NULL, &at, (long)size);
        if (certificate) {
            put_pin(message, certificate);
            put_issuer(message, certificate);
        }
        X509_free(certificate);
    }
    free(der);
    return size > 0;
}

/* The words are those of mod_ssl. */
static void put_peer(struct message *message, actpass_conn *conn, const actpass_info_t *info,
                     const struct config_tls *tls)
{
    char name[VARIABLE_VALUE_MAX];
    bool shown = put_certificate(message, conn);
    const char *verify = !shown ? "NONE" : tls->insecure_any_peer ? "GENEROUS" : "SUCCESS";
    if (actpass_peer_name(conn, 0, name, sizeof(name)) > 0)
        put(message, VARIABLE_PEER_NAME, name);
    put(message, VARIABLE_VERIFY, verify);
    put(message, VARIABLE_SSL_CLIENT_VERIFY, verify);
    put(message, VARIABLE_SSL_CLIENT_S_DN, info->peer_subject);
    put(message, VARIABLE_SSL_CLIENT_DN, info->peer_subject);
}

void describe_connection(const struct report *report, const struct config_tls *tls,
                         struct message *message)
{
    char number[24];
    actpass_info_t info;
    actpass_info(report->conn, &info);
    message_begin(message, MESSAGE_START, 0);
    (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)report->number);
    put(message, VARIABLE_SERVICE, report->service);
    put(message, VARIABLE_CONNECTION, number);
    put(message, VARIABLE_ROUTE, report->route);
    put(message, VARIABLE_ROLE, actpass_role_name(info.role));
    put(message, VARIABLE_CAUSE, actpass_cause_name(info.cause));
    put(message, VARIABLE_PEER, info.peer_address);
    put(message, VARIABLE_PROTOCOL, info.protocol);
    put(message, VARIABLE_SSL_PROTOCOL, info.protocol);
    put(message, VARIABLE_CIPHER, info.cipher);
    put(message, VARIABLE_SSL_CIPHER, info.cipher);
    put(message, VARIABLE_ALPN, info.alpn);
    put(message, VARIABLE_SERVER_NAME, info.server_name);
    put(message, VARIABLE_SSL_TLS_SNI, info.server_name);
    put_addresses(message, report->conn);
    put_peer(message, report->conn, &info, tls);
}
