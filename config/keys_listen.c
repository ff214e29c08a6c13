/* The keys of sockets: how those that listen are opened, and from where connections are made. */
#include "config/config.h"
#include "config/internal.h"
#include "config/keys.h"

static const struct key listen_options_keys[] = {
    {.name = "backlog",
     .help = "How many connections may wait to be accepted, on each address. The system's limit is "
             "net.core.somaxconn, which is also the default.",
     .type = KEY_INTEGER,
     KEY_LIMITS(1, 1000000),
     KEY_STORED_IN(config_listen_options, backlog)},
    {.name = "reuse_port",
     .help = "Let other processes of the same user listen on the same TCP addresses, if they say "
             "so as well (SO_REUSEPORT). The kernel shares the connections out among them. Reload "
             "and upgrade do not need it.",
     .type = KEY_BOOL,
     KEY_STORED_IN(config_listen_options, reuse_port)},
    {.name = "v6only",
     .help = "false: an IPv6 address such as [::] takes connections over IPv4, too.",
     .type = KEY_BOOL,
     .fallback = true,
     KEY_STORED_IN(config_listen_options, v6only)},
#define FILE_MEMBER(name) KEY_STORED_IN(config_listen_options, file.name)
#include "config/socket_file_keys.inc"
#undef FILE_MEMBER
    {0}};

const struct key_object listen_options_object = {.keys = listen_options_keys,
                                                 .outer = &service_object};

static const struct key source_keys[] = {
    {.name = "from",
     .help = "The local IP address, without a port, or a list of one IPv4 and one IPv6 address; "
             "the one is used that the other end's family needs.",
     .type = KEY_STRINGS,
     .alone = true,
     .pattern = "^([0-9.]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%.+)?)$",
     .wrong = names_wrong_ip,
     KEY_LIMITS(1, 2),
     KEY_STORED_IN(config_source, from)},
    {.name = "device",
     .help = "The network interface, such as eth1 or a VRF: packets come and go by this one only "
             "(SO_BINDTODEVICE).",
     .type = KEY_STRING,
     .pattern = "^[^ /:]{1,15}$",
     .wrong = names_wrong_device,
     KEY_STORED_IN(config_source, device)},
    {.name = "mark",
     .help = "The mark of the packets, for routing rules and the firewall (SO_MARK). It needs "
             "CAP_NET_RAW.",
     .type = KEY_INTEGER,
     KEY_LIMITS(1, INT32_MAX - 1),
     KEY_STORED_IN(config_source, mark)},
    {.name = "transparent",
     .help = "Connect from the client's own address (IP_TRANSPARENT). The routes must lead the "
             "answers back to this machine. It needs CAP_NET_RAW.",
     .type = KEY_BOOL,
     KEY_STORED_IN(config_source, transparent)},
    {0}};

const struct key_object source_object = {
    .keys = source_keys, .outer = &service_object, .shorthand = "from"};
