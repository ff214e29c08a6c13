#include "server/daemon/starttls/table.h"

#include "server/daemon/starttls/ftp.h"
#include "server/daemon/starttls/greeting.h"
#include "server/daemon/starttls/imap.h"
#include "server/daemon/starttls/ldap.h"
#include "server/daemon/starttls/pop3.h"
#include "server/daemon/starttls/postgresql.h"
#include "server/daemon/starttls/smtp.h"
#include "server/daemon/starttls/xmpp.h"

/* The two columns of the plain side. */
#define READS(protocol, read, begins) (&(const struct starttls_protocol){protocol, read, begins})
#define SAYS(protocol, line) READS(protocol, starttls_greeting_say, line "\r\n")

static const struct starttls_kind kinds[CONFIG_STARTTLS_COUNT] = {
    [CONFIG_STARTTLS_SMTP] = {.as_server = &starttls_smtp_server,
                              .as_client = &starttls_smtp_client,
                              .plain_as_server = READS("smtp", starttls_greeting_read_smtp, NULL),
                              .plain_as_client = SAYS("smtp", "220 localhost ESMTP")},
    [CONFIG_STARTTLS_IMAP] = {.as_server = &starttls_imap_server,
                              .as_client = &starttls_imap_client,
                              .plain_as_server = READS("imap", starttls_greeting_read_line, "* OK"),
                              .plain_as_client = SAYS("imap", "* OK IMAP ready")},
    [CONFIG_STARTTLS_POP3] = {.as_server = &starttls_pop3_server,
                              .as_client = &starttls_pop3_client,
                              .plain_as_server = READS("pop3", starttls_greeting_read_line, "+OK"),
                              .plain_as_client = SAYS("pop3", "+OK POP3 ready")},
    [CONFIG_STARTTLS_FTP] = {.as_server = &starttls_ftp_server,
                             .as_client = &starttls_ftp_client,
                             .plain_as_server = READS("ftp", starttls_greeting_read_ftp, NULL),
                             .plain_as_client = SAYS("ftp", "220 FTP server ready.")},
    [CONFIG_STARTTLS_LDAP] = {.as_server = &starttls_ldap_server,
                              .as_client = &starttls_ldap_client},
    [CONFIG_STARTTLS_POSTGRESQL] = {.as_server = &starttls_postgresql_server,
                                    .as_client = &starttls_postgresql_client,
                                    .plain_as_client = &starttls_postgresql_local},
    [CONFIG_STARTTLS_XMPP] = {.as_server = &starttls_xmpp_server,
                              .as_client = &starttls_xmpp_client},
    [CONFIG_STARTTLS_XMPP_SERVER] = {.as_server = &starttls_xmpp_s2s_server,
                                     .as_client = &starttls_xmpp_s2s_client},
};

const struct starttls_kind *starttls_kind_of(enum config_starttls starttls)
{
    return starttls == CONFIG_STARTTLS_NONE ? NULL : &kinds[starttls];
}

const struct starttls_protocol *starttls_talk_of(enum config_starttls starttls,
                                                 enum config_role role)
{
    const struct starttls_kind *kind = starttls_kind_of(starttls);
    if (!kind)
        return NULL;
    return role == CONFIG_ROLE_CLIENT ? kind->as_client : kind->as_server;
}

const struct starttls_protocol *starttls_plain_talk(enum config_starttls starttls,
                                                    enum config_role role)
{
    const struct starttls_kind *kind = starttls_kind_of(starttls);
    if (!kind)
        return NULL;
    return role == CONFIG_ROLE_CLIENT ? kind->plain_as_client : kind->plain_as_server;
}
