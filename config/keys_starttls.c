/* The values of the key "starttls". */
#include "config/config.h"
#include "config/keys.h"

const char *const config_starttls_names[CONFIG_STARTTLS_COUNT + 1] = {
    [CONFIG_STARTTLS_NONE] = "none",
    [CONFIG_STARTTLS_SMTP] = "smtp",
    [CONFIG_STARTTLS_IMAP] = "imap",
    [CONFIG_STARTTLS_POP3] = "pop3",
    [CONFIG_STARTTLS_FTP] = "ftp",
    [CONFIG_STARTTLS_LDAP] = "ldap",
    [CONFIG_STARTTLS_POSTGRESQL] = "postgresql",
    [CONFIG_STARTTLS_XMPP] = "xmpp",
    [CONFIG_STARTTLS_XMPP_SERVER] = "xmpp-server",
    [CONFIG_STARTTLS_MYSQL] = "mysql",
};

_Static_assert(sizeof(enum config_starttls) == sizeof(unsigned), "enums are stored as unsigned");
