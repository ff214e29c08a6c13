/* actpass_policy: which peers satisfy more than the configuration asks. */
#include "server/lib/conn_internal.h"
#include "server/lib/parsed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct actpass_policy {
    struct config_tls list; /* its names and pins, of which the policy has copies */
    struct policy *policy;
    struct error_text error;
};

/* Makes the policy anew, so that using it changes nothing in it. On failure the old one stays. */
static bool update(actpass_policy *policy)
{
    struct policy *made = policy_new(&policy->list, NULL, &policy->error);
    if (!made)
        return false;
    policy_free(policy->policy);
    policy->policy = made;
    return true;
}

actpass_policy *actpass_policy_new(void)
{
    actpass_policy *policy = calloc(1, sizeof(*policy));
    if (policy && update(policy))
        return policy;
    actpass_policy_free(policy);
    return NULL;
}

static bool copy_list(const struct config_peer_names *names, const struct config_pins *pins,
                      struct config_tls *list)
{
    struct config_pins *copy = &list->peer_pins;
    copy->items = calloc(pins->count + 1, sizeof(copy->items[0]));
    if (!copy->items || !config_peer_names_copy(names, &list->peer_names))
        return false;
    if (pins->count > 0)
        memcpy(copy->items, pins->items, pins->count * sizeof(copy->items[0]));
    copy->count = pins->count;
    return true;
}

actpass_policy *parsed_policy(const struct config_peer_names *names, const struct config_pins *pins,
                              struct error_text *error)
{
    actpass_policy *policy = calloc(1, sizeof(*policy));
    if (policy && copy_list(names, pins, &policy->list) && update(policy))
        return policy;
    (void)error_set(error, "out of memory for a policy");
    actpass_policy_free(policy);
    return NULL;
}

void actpass_policy_free(actpass_policy *policy)
{
    if (!policy)
        return;
    policy_free(policy->policy);
    config_peer_names_free(&policy->list.peer_names);
    free(policy->list.peer_pins.items);
    free(policy);
}

static int fail(actpass_policy *policy, const char *why)
{
    error_set(&policy->error, "%s", why);
    return -1;
}

int actpass_policy_add_peer_name(actpass_policy *policy, const char *text)
{
    struct config_peer_names *names = &policy->list.peer_names;
    struct config_peer_name name;
    const char *wrong = text ? config_peer_name_parse(text, &name) : "must not be NULL";
    if (wrong)
        return fail(policy, wrong);
    struct config_peer_name *more = reallocarray(names->items, names->count + 1, sizeof(*more));
    if (!more) {
        free(name.text);
        return fail(policy, "out of memory for a peer name");
    }
    names->items = more;
    names->items[names->count++] = name;
    if (update(policy))
        return 0;
    free(names->items[--names->count].text);
    return -1;
}

int actpass_policy_add_peer_pin(actpass_policy *policy, const char *text)
{
    struct config_pins *pins = &policy->list.peer_pins;
    struct config_pin pin;
    const char *wrong = text ? config_pin_parse(text, &pin) : "must not be NULL";
    if (wrong)
        return fail(policy, wrong);
    struct config_pin *more = reallocarray(pins->items, pins->count + 1, sizeof(*more));
    if (!more)
        return fail(policy, "out of memory for a peer pin");
    pins->items = more;
    pins->items[pins->count++] = pin;
    if (update(policy))
        return 0;
    pins->count--;
    return -1;
}

const char *actpass_policy_error(const actpass_policy *policy)
{
    return policy->error.text;
}

int actpass_peer_matches(actpass_conn *conn, const actpass_policy *policy, char *why,
                         size_t why_size)
{
    struct error_text error = {.text = ""};
    if (conn_peer_is(conn, policy->policy, &error))
        return 1;
    if (why)
        snprintf(why, why_size, "%s", error.text);
    return 0;
}
