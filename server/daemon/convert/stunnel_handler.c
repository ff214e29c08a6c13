/* What a stunnel service does with its connections. */
#include "server/daemon/convert/stunnel_internal.h"

#include "server/daemon/convert/values.h"

#include <stdio.h>

/* stunnel refuses a section that says twice what is done with its connections. */
#define SOCKS_TAKES \
    "with protocol = socks the client says where to connect to; write a section of its own"
#define CONNECT_TAKES "connect takes the connections; write a section of its own"

static void stunnel_exec(struct draft *draft, cJSON *object, const struct section *section)
{
    const char *program = section_value(section, "exec");
    const char *arguments = section_value(section, "execArgs");
    struct value_text word;
    cJSON *exec = draft_object(draft, object, "exec");
    draft_item(draft, exec, "command", program);
    bool is_name = true;
    while (arguments && value_next(&arguments, " \t", &word)) {
        if (!is_name)
            draft_item(draft, exec, "command", word.text);
        is_name = false;
    }
    if (stunnel_yes(draft, section, "pty", false))
        draft_true(draft, exec, "pty");
}

/* stunnel connects to every address but loopback, which "*" does not stand for either. */
static void convert_socks(struct draft *draft, cJSON *object, const struct section *section)
{
    static const char *const protocols[] = {"socks5", "socks4"};
    cJSON *proxy = draft_object(draft, object, "proxy");
    stunnel_say(draft, object, section, "protocol", OPTION_OTHER,
                "\"*\" in \"allow\" is everything but loopback, as in stunnel, and here but "
                "link-local and multicast, too: name what is needed. RESOLVE, an extension of Tor, "
                "is refused");
    stunnel_say(draft, object, section, "connect", OPTION_LOST, SOCKS_TAKES);
    stunnel_say(draft, object, section, "exec", OPTION_LOST, SOCKS_TAKES);
    draft_item(draft, proxy, "allow", "*");
    for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
        draft_item(draft, proxy, "protocols", protocols[i]);
    stunnel_source(draft, proxy, section, "source");
}

/* What a server does with a connection: into the service, or into a route. */
void stunnel_handler(struct draft *draft, cJSON *object, const struct section *section)
{
    if (stunnel_has_protocol(section, "socks")) {
        convert_socks(draft, object, section);
    } else if (section_last(section, "connect")) {
        stunnel_say(draft, object, section, "exec", OPTION_LOST, CONNECT_TAKES);
        stunnel_connect(draft, object, section, "forward");
        stunnel_source(draft, object, section, "source");
        if (stunnel_has_protocol(section, "proxy"))
            draft_text(draft, object, "proxy_protocol", "v1");
    } else if (section_last(section, "exec")) {
        stunnel_exec(draft, object, section);
    } else {
        draft_error(draft, &section->place, "[%s]: neither connect nor exec is there",
                    section->name);
    }
}

/* The service dials protocolHost through the proxy at connect. */
static void convert_proxy(struct draft *draft, cJSON *service, const struct section *section)
{
    struct value_text address = {.text = ""}, proxy = {.text = ""};
    const struct setting *connect = section_last(section, "connect");
    const struct setting *host = section_last(section, "protocolHost");
    if (!host) {
        const struct setting *protocol = section_last(section, "protocol");
        draft_error(draft, &protocol->place, "protocol = connect needs protocolHost");
        return;
    }
    if (stunnel_read_address(draft, host, "127.0.0.1", &address))
        draft_text(draft, service, "dial", address.text);
    if (connect && stunnel_read_address(draft, connect, "127.0.0.1", &address)) {
        (void)snprintf(proxy.text, sizeof(proxy.text), "http://%.500s", address.text);
        draft_text(draft, service, "dial_through", proxy.text);
    }
    if (!section_last(section, "protocolUsername"))
        return;
    (void)snprintf(proxy.text, sizeof(proxy.text), "%.100s-proxy-auth", section->name);
    draft_text(draft, service, "dial_through_auth", proxy.text);
    stunnel_say(draft, service, section, "protocolUsername", OPTION_LOST,
                "make the file of dial_through_auth, with user:password");
}

void stunnel_dialed(struct draft *draft, cJSON *service, const struct section *section)
{
    if (stunnel_has_protocol(section, "connect"))
        convert_proxy(draft, service, section);
    else
        stunnel_connect(draft, service, section, "dial");
    stunnel_source(draft, service, section, "dial_source");
    if (!section_last(section, "exec"))
        return;
    if (section_last(section, "accept")) {
        stunnel_say(draft, service, section, "exec", OPTION_LOST, CONNECT_TAKES);
        return;
    }
    draft_true(draft, service, "persistent");
    stunnel_exec(draft, service, section);
    if (!stunnel_yes(draft, section, "retry", false))
        stunnel_say(draft, service, section, "exec", OPTION_OTHER,
                    "it is started again when its connection has ended, as with retry = yes");
}
