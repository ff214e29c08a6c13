#include "server/lib/tls/policy.h"

#include "server/lib/tls/crl.h"
#include "server/lib/tls/own_keys.h"
#include "server/lib/tls/peer_names.h"
#include "server/lib/tls/pin.h"

#include <openssl/err.h>
#include <stdlib.h>

struct policy {
    bool any_peer;
    bool has_ca;
    struct config_peer_names names; /* none: any name is accepted */
    struct config_pin *pins;        /* none: any key is accepted */
    size_t pin_count;
    struct config_pin *own; /* our own keys */
    size_t own_count;
    struct own_keys *shared;      /* those of the process, ours included; NULL: not shared */
    STACK_OF(X509_CRL) * revoked; /* NULL: not checked */
    struct policy_check check;
};

static bool copy_names(const struct config_tls *tls, struct policy *policy,
                       struct error_text *error)
{
    return config_peer_names_copy(&tls->peer_names, &policy->names) ||
           error_set(error, "out of memory for peer_names");
}

static bool copy_pins(const struct config_tls *tls, struct policy *policy, struct error_text *error)
{
    size_t count = tls->peer_pins.count;
    policy->pins = calloc(count + 1, sizeof(*policy->pins));
    if (!policy->pins)
        return error_set(error, "out of memory for peer_pins");
    for (size_t i = 0; i < count; i++)
        policy->pins[i] = tls->peer_pins.items[i];
    policy->pin_count = count;
    return true;
}

bool policy_add_own(struct policy *policy, X509 *own)
{
    struct config_pin *more = reallocarray(policy->own, policy->own_count + 1, sizeof(*more));
    if (!more)
        return false;
    policy->own = more;
    if (!pin_of(own, &policy->own[policy->own_count]))
        return false;
    policy->own_count++;
    return true;
}

bool policy_share_own(struct policy *policy, struct own_keys *shared)
{
    if (!shared || !own_keys_add(shared, policy->own, policy->own_count))
        return !shared;
    policy->shared = shared;
    return true;
}

static bool read_own(X509 *own, struct policy *policy, struct error_text *error)
{
    return !own || policy_add_own(policy, own) || error_set(error, "out of memory for our own pin");
}

static bool read_crl(const struct config_tls *tls, struct policy *policy, struct error_text *error)
{
    if (!tls->crl)
        return true;
    policy->revoked = crl_load(tls->crl, error);
    return policy->revoked;
}

void policy_free(struct policy *policy)
{
    if (!policy)
        return;
    if (policy->shared)
        own_keys_remove(policy->shared, policy->own, policy->own_count);
    crl_free(policy->revoked);
    config_peer_names_free(&policy->names);
    free(policy->own);
    free(policy->pins);
    free(policy);
}

struct policy *policy_new(const struct config_tls *tls, X509 *own, struct error_text *error)
{
    struct policy *policy = calloc(1, sizeof(*policy));
    if (!policy) {
        error_set(error, "out of memory for the policy of peers");
        return NULL;
    }
    policy->any_peer = tls->insecure_any_peer;
    policy->has_ca = tls->ca || tls->ca_system;
    if (copy_names(tls, policy, error) && copy_pins(tls, policy, error) &&
        read_own(own, policy, error) && read_crl(tls, policy, error))
        return policy;
    policy_free(policy);
    return NULL;
}

void policy_set_check(struct policy *policy, const struct policy_check *check)
{
    policy->check = *check;
}

bool policy_takes_any(const struct policy *policy)
{
    return policy->any_peer;
}

bool policy_needs_chain(const struct policy *policy)
{
    if (policy->any_peer)
        return false;
    return policy->has_ca || policy->pin_count == 0;
}

STACK_OF(X509_CRL) * policy_revoked(const struct policy *policy)
{
    return policy->revoked;
}

static bool is_one_of(const struct config_pin *pins, size_t count, const struct config_pin *pin)
{
    for (size_t i = 0; i < count; i++)
        if (pin_equal(&pins[i], pin))
            return true;
    return false;
}

static bool is_own(const struct policy *policy, const struct config_pin *pin)
{
    return is_one_of(policy->own, policy->own_count, pin) ||
           (policy->shared && own_keys_have(policy->shared, pin));
}

static bool judge(const struct policy *policy, const X509 *peer, struct error_text *error)
{
    struct config_pin pin;
    if (!pin_of(peer, &pin))
        return error_set_no_memory(error); /* the only failure there */
    /* Compares keys, not certificates: a peer with our key is ourselves under any certificate. */
    if (is_own(policy, &pin))
        return error_set(error, "its key is our own: the peer is this process, a mirror, or has a "
                                "copy; give each end a process and a key of its own");
    if (policy->any_peer)
        return true;
    if (policy->pin_count > 0 && !is_one_of(policy->pins, policy->pin_count, &pin))
        return error_set(error, "its key is none of peer_pins");
    if (policy->revoked && !crl_allows(policy->revoked, peer, error))
        return false;
    return policy->names.count == 0 || peer_names_match(&policy->names, peer, error);
}

/* The user's callback comes last, so that it can only refuse. */
static bool user_accepts(const struct policy *policy, const X509 *peer, struct error_text *error)
{
    char why[256] = "";
    unsigned char *der = NULL;
    if (!policy->check.call)
        return true;
    int size = i2d_X509(peer, &der);
    if (size <= 0)
        return error_set_no_memory(error); /* the only failure for a certificate that was read */
    bool accepts = policy->check.call(der, (size_t)size, why, sizeof(why), policy->check.arg) != 0;
    OPENSSL_free(der);
    why[sizeof(why) - 1] = '\0';
    return accepts || error_set(error, "%s", *why ? why : "the verify callback refuses it");
}

bool policy_accepts(const struct policy *policy, const X509 *peer, struct error_text *error)
{
    (void)ERR_set_mark(); /* names that cannot be parsed leave errors behind (hazard 6) */
    bool judged = judge(policy, peer, error);
    if (!judged && openssl_take_memory_error(NULL))
        error_set_no_memory(error);
    bool accepts = judged && user_accepts(policy, peer, error);
    (void)ERR_pop_to_mark();
    return accepts;
}
