/* Sentences about handshakes that failed, with what both sides had to offer. */
#include "server/lib/base/error.h"
#include "server/lib/conn_internal.h"

#include <string.h>

/* ---- What we offer or allow ------------------------------------------------------------------ */

static const char *our_versions(const actpass_conn *conn)
{
    bool only_1_3 = SSL_get_min_proto_version(conn->ssl) == TLS1_3_VERSION;
    return only_1_3 ? "TLSv1.3" : "TLSv1.2, TLSv1.3";
}

static const char *our_ciphers(const actpass_conn *conn, int version, struct name_list *list)
{
    STACK_OF(SSL_CIPHER) *ciphers = SSL_get_ciphers(conn->ssl);
    for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++) {
        const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(ciphers, i);
        const char *name = SSL_CIPHER_get_name(cipher);
        bool of_1_3 = SSL_CIPHER_get_protocol_id(cipher) >> 8 == 0x13;
        if (of_1_3 == (version == TLS1_3_VERSION))
            name_list_add(list, name, strlen(name));
    }
    return name_list_end(list, "none");
}

static const char *our_groups(const actpass_conn *conn, struct name_list *list)
{
    tls_context_add_groups(conn->config->tls, list);
    return name_list_end(list, "none");
}

static const char *our_protocols(const actpass_conn *conn, struct name_list *list)
{
    tls_context_add_protocols(conn->config->tls, list);
    return name_list_end(list, "none");
}

/* ---- One sentence for each topic. ALERT: the peer has said so -------------------------------- */

static const char *peer_name(const actpass_conn *conn)
{
    return SSL_is_server(conn->ssl) ? "client" : "server";
}

static void explain_versions(const actpass_conn *conn, bool alert, struct error_text *why)
{
    struct name_list theirs = {.length = 0};
    const char *chosen = peer_hello_chosen_version(&conn->hello);
    peer_hello_add_versions(&conn->hello, &theirs);
    if (alert)
        error_set(why, "the %s takes none of our TLS versions (alert protocol version): %s",
                  peer_name(conn), our_versions(conn));
    else if (SSL_is_server(conn->ssl))
        error_set(why, "no common TLS version: the client offers %s; we allow %s",
                  name_list_end(&theirs, "none"), our_versions(conn));
    else
        error_set(why, "no common TLS version: the server chose %s; we allow %s",
                  *chosen ? chosen : "another one", our_versions(conn));
}

/* In TLS 1.2 a cipher needs a group and a certificate of the right kind, so any of these may be
 * what is missing. */
static void explain_ciphers(const actpass_conn *conn, int alert, struct error_text *why)
{
    struct name_list theirs = {.length = 0}, ours = {.length = 0};
    struct name_list their_groups = {.length = 0}, our_group_list = {.length = 0};
    int version = SSL_version(conn->ssl);
    bool old = version < TLS1_3_VERSION;
    if (alert) {
        error_set(why,
                  "the %s found nothing in common with us, or wants a certificate (alert %s): "
                  "we have %s; for TLSv1.2 %s; groups %s",
                  peer_name(conn), SSL_alert_desc_string_long(alert), our_versions(conn),
                  our_ciphers(conn, TLS1_2_VERSION, &ours), our_groups(conn, &our_group_list));
        return;
    }
    peer_hello_add_ciphers(&conn->hello, conn->ssl, version, &theirs);
    peer_hello_add_groups(&conn->hello, conn->ssl, &their_groups);
    error_set(why, "no common cipher for %s: the client offers %s%s%s; we allow %s%s%s",
              SSL_get_version(conn->ssl), name_list_end(&theirs, "none"), old ? ", groups " : "",
              old ? name_list_end(&their_groups, "none") : "", our_ciphers(conn, version, &ours),
              old ? ", groups " : "", old ? our_groups(conn, &our_group_list) : "");
}

static void explain_groups(const actpass_conn *conn, struct error_text *why)
{
    struct name_list theirs = {.length = 0}, ours = {.length = 0};
    peer_hello_add_groups(&conn->hello, conn->ssl, &theirs);
    error_set(why, "no common group for the key exchange: the client offers %s; we allow %s",
              name_list_end(&theirs, "none"), our_groups(conn, &ours));
}

static void explain_protocols(const actpass_conn *conn, bool alert, struct error_text *why)
{
    struct name_list theirs = {.length = 0}, ours = {.length = 0};
    const char *own = our_protocols(conn, &ours);
    peer_hello_add_protocols(&conn->hello, &theirs);
    if (alert)
        error_set(why, "the %s knows none of our application protocols (ALPN): we offer %s",
                  peer_name(conn), own);
    else if (SSL_is_server(conn->ssl))
        error_set(why, "no common application protocol (ALPN): the client offers %s; we allow %s",
                  name_list_end(&theirs, "none"), own);
    else
        error_set(why, "the server agreed on none of our application protocols (ALPN): %s", own);
}

/* As a server we refuse it before OpenSSL knows it. */
static void explain_server_name(const actpass_conn *conn, struct error_text *why)
{
    struct name_list asked = {.length = 0};
    const char *name = SSL_get_servername(conn->ssl, TLSEXT_NAMETYPE_host_name);
    peer_hello_add_server_name(&conn->hello, &asked);
    if (SSL_is_server(conn->ssl))
        error_set(why, "the client asked for a server name that no certificate is for: %s",
                  name_list_end(&asked, "a long one"));
    else
        error_set(why, "the server has no certificate for the name that we asked for (SNI): %s",
                  name ? name : "none, set server_name");
}

/* ---- Our certificate was refused ------------------------------------------------------------- */

static const char *refusal_of(int alert)
{
    switch (alert) {
    case SSL_AD_UNKNOWN_CA:
        return "it does not trust the issuer, or was not sent an intermediate CA";
    case SSL_AD_CERTIFICATE_EXPIRED:
        return "it is not valid now by the peer's clock";
    case SSL_AD_CERTIFICATE_REVOKED:
        return "it is revoked";
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
        return "its kind or use (extendedKeyUsage) does not suit the peer";
    case SSL_AD_CERTIFICATE_REQUIRED:
        return "we have shown none, and the peer requires one";
    case SSL_AD_ACCESS_DENIED:
        return "the peer's access rules do not allow it";
    default:
        return "its name, use or signature does not suit the peer, whose log says more";
    }
}

static void print_name(BIO *memory, const char *before, const X509_NAME *name)
{
    (void)BIO_puts(memory, before);
    (void)X509_NAME_print_ex(memory, name, 0, XN_FLAG_RFC2253);
}

/* Without memory the names are left out. */
static void explain_refusal(const actpass_conn *conn, int alert, struct error_text *why)
{
    char *names = NULL;
    X509 *own = SSL_get_certificate(conn->ssl);
    BIO *memory = own ? BIO_new(BIO_s_mem()) : NULL;
    if (memory) {
        print_name(memory, "; subject \"", X509_get_subject_name(own));
        print_name(memory, "\", issuer \"", X509_get_issuer_name(own));
        (void)BIO_puts(memory, "\"");
    }
    long size = memory ? BIO_get_mem_data(memory, &names) : 0;
    error_set(why, "the peer refused our certificate (alert %s): %s%.*s",
              SSL_alert_desc_string_long(alert), refusal_of(alert), (int)size, size ? names : "");
    BIO_free(memory);
}

void conn_explain(const actpass_conn *conn, enum conn_detail detail, int reason,
                  struct error_text *why)
{
    bool alert = reason >= SSL_AD_REASON_OFFSET;
    switch (detail) {
    case DETAIL_VERSIONS:
        explain_versions(conn, alert, why);
        break;
    case DETAIL_CIPHERS:
        explain_ciphers(conn, alert ? reason - SSL_AD_REASON_OFFSET : 0, why);
        break;
    case DETAIL_GROUPS:
        explain_groups(conn, why);
        break;
    case DETAIL_PROTOCOLS:
        explain_protocols(conn, alert, why);
        break;
    case DETAIL_SERVER_NAME:
        explain_server_name(conn, why);
        break;
    case DETAIL_OWN_REFUSED:
        explain_refusal(conn, reason - SSL_AD_REASON_OFFSET, why);
        break;
    default:
        error_set(why, "TLS failed");
    }
}
