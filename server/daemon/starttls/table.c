#include "server/daemon/starttls/table.h"

#include "server/daemon/starttls/ftp.h"
#include "server/daemon/starttls/imap.h"
#include "server/daemon/starttls/pop3.h"
#include "server/daemon/starttls/smtp.h"

static const struct starttls_kind kinds[CONFIG_STARTTLS_COUNT] = {
    [CONFIG_STARTTLS_SMTP] = {.as_server = &starttls_smtp_server,
                              .as_client = &starttls_smtp_client,
                              .plain_as_server = &starttls_smtp_plain_server,
                              .plain_as_client = &starttls_smtp_plain_client},
    [CONFIG_STARTTLS_IMAP] = {.as_server = &starttls_imap_server,
                              .as_client = &starttls_imap_client,
                              .plain_as_server = &starttls_imap_plain_server,
                              .plain_as_client = &starttls_imap_plain_client},
    [CONFIG_STARTTLS_POP3] = {.as_server = &starttls_pop3_server,
                              .as_client = &starttls_pop3_client,
                              .plain_as_server = &starttls_pop3_plain_server,
                              .plain_as_client = &starttls_pop3_plain_client},
    [CONFIG_STARTTLS_FTP] = {.as_server = &starttls_ftp_server,
                             .as_client = &starttls_ftp_client,
                             .plain_as_server = &starttls_ftp_plain_server,
                             .plain_as_client = &starttls_ftp_plain_client},
};

const struct starttls_kind *starttls_kind_of(enum config_starttls starttls)
{
    return starttls == CONFIG_STARTTLS_NONE ? NULL : &kinds[starttls];
}
