/* The key table: every key that a configuration may have, stated once: its name, description, type,
 * limits, default and the member that stores it. The reader, the defaults, the schema, the option
 * tables of KEYS.md and the man page all come from it. Constant data. */
#ifndef ACTPASS_CONFIG_KEYS_H
#define ACTPASS_CONFIG_KEYS_H

#include "config/error_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The type of a key's value, and how it is stored. */
enum key_type {
    KEY_BOOL,       /* bool */
    KEY_INTEGER,    /* uint64_t */
    KEY_DURATION,   /* int64_t, milliseconds */
    KEY_STRING,     /* char * */
    KEY_STRINGS,    /* struct config_strings */
    KEY_PEER_NAMES, /* struct config_peer_names */
    KEY_PEER_PINS,  /* struct config_pins */
    KEY_ENUM,       /* an enum: the index of the name in names, plus min */
    KEY_PATH,       /* char *, relative to the configuration's folder */
    KEY_ADDRESS,    /* struct config_address */
    KEY_ADDRESSES,  /* a pointer to an array of them; the count is at second */
    KEY_NETWORK,    /* struct config_network */
    KEY_NETWORKS,   /* a pointer to an array of them; the count is at second */
    KEY_SESSIONS,   /* struct config_sessions */
    KEY_PROXY,      /* struct config_proxy */
    KEY_PRESENT,    /* nothing: the value is true or {} */
    KEY_OBJECT,     /* what the keys of the object store */
    KEY_OBJECTS     /* a pointer to an array; the count is at second */
};

#define KEY_NOWHERE SIZE_MAX /* the offset of a key whose value is checked and not stored */

/* Keys of which an object must have exactly one. */
enum key_choice {
    KEY_NO_CHOICE,
    KEY_DIALER,         /* who dials the connections */
    KEY_HANDLER,        /* what is done with them */
    KEY_HANDLER_BY_ROLE /* the same for one role: an object may have two of these */
};

struct key_object;

struct key {
    const char *name;
    const char *help; /* one line: the description in schema, KEYS.md and man page */
    enum key_type type;
    bool required;
    bool fixed;          /* outside of "services": a reload does not change it */
    const char *or_else; /* required: or another key, which can bring it */
    bool never;          /* DURATION: "never" is allowed */
    bool empty;          /* STRING: "" is allowed */
    bool ip;             /* ADDRESS: an IP address, neither a name nor a socket */
    bool alone;          /* STRINGS: or a string alone */
    bool listens;        /* ADDRESSES: to listen on, so a range of ports is allowed */
    bool or_bool;        /* OBJECT: or true, as {}, or false. The bool at second says which */
    bool deferred;       /* read by normalize, not with the object */
    /* The limits of an INTEGER, of a DURATION in ms, of an ADDRESS's port; a list has 1 to max
     * items; the first name of an ENUM is stored as min. A STRING has no limits: it states its
     * length in pattern and wrong. Every text is checked for control characters. */
    int64_t min, max;
    int64_t fallback;          /* the default of BOOL, INTEGER, DURATION, ENUM and SESSIONS, as it
                                  is stored; an INTEGER's 0 and an ENUM's nameless value: none */
    const char *fallback_text; /* STRING: the default; NULL: none */
    const char *const *names;  /* ENUM, SESSIONS: ends with NULL */
    bool written;              /* PATH: names a file that we write */
    const char *word;          /* PATH: a word that is not a path, and sets the bool at second */
    const char *scheme;        /* PATH: a value with this prefix is not a path, and is kept */
    const char *pattern; /* of a STRING or each item of a list, for the schema; NULL: not empty */
    const char *wanted;  /* STRINGS: what a message calls it; NULL: a list of strings */
    const char *(*wrong)(const char *); /* STRING, STRINGS: returns what is wrong, NULL: nothing */
    /* In place of wrong, where the reason holds parts of the text: false with the error. */
    bool (*accepts)(const char *, struct error_text *);
    const struct key_object *object; /* OBJECT, OBJECTS */
    const char *needs;               /* another key of the object that must be there */
    const char *beside;              /* it counts for its choice only beside this key */
    const char *needs_true;          /* another key of the object that must be true */
    enum key_choice choice;
    unsigned kind;  /* of a handler: stored at kind_at, as an enum, when the key is there */
    size_t kind_at; /* in the structure that the object fills */
    size_t offset;  /* in the structure that the object fills */
    size_t second;
};

struct key_object {
    const struct key *keys;         /* ends with a NULL name */
    const struct key_object *outer; /* the object that this one is in; NULL: none */
    size_t size;                    /* OBJECTS: of one element */
    const char *shorthand;          /* a string alone is an object with this key */
};

extern const struct key_object config_object;         /* the whole file: struct config */
extern const struct key_object service_object;        /* struct config_service */
extern const struct key_object handler_object;        /* struct config_handler */
extern const struct key_object http_object;           /* struct config_http */
extern const struct key_object exec_object;           /* struct config_exec */
extern const struct key_object offer_object;          /* struct config_offer */
extern const struct key_object proxy_object;          /* struct config_proxying */
extern const struct key_object reach_object;          /* struct config_reach */
extern const struct key_object listen_options_object; /* struct config_listen_options */
extern const struct key_object source_object;         /* struct config_source */
extern const struct key_object limits_object;         /* struct config_limits */
extern const struct key_object share_object;          /* struct config_share */
extern const struct key_object route_object;          /* struct config_route */
extern const struct key_object route_tls_object;      /* struct config_tls */
extern const struct key_object tls_object;            /* struct config_tls */
extern const struct key_object certificate_object;    /* struct config_certificate */
extern const struct key_object ocsp_object;           /* struct config_ocsp */
extern const struct key_object persistent_object;     /* struct config_keep, as the next */
extern const struct key_object periodic_object;
extern const struct key_object retry_object;        /* struct config_service */
extern const struct key_object keepalive_object;    /* struct config_keepalive */
extern const struct key_object accept_proxy_object; /* struct config_accept_proxy */

extern const char *const config_balances[];       /* of enum config_balance; ends with NULL */
extern const char *const config_proxy_headers[];  /* of enum config_proxy_header; the same */
extern const char *const config_starttls_names[]; /* of enum config_starttls; the same */

/* The members of a key that say where its value is stored, and its limits. */
#define KEY_STORED_IN(type, member) .offset = offsetof(struct type, member)
#define KEY_COUNT_IN(type, member) .second = offsetof(struct type, member)
#define KEY_KIND_IN(type, member) .kind_at = offsetof(struct type, member)
#define KEY_LIMITS(low, high) .min = (low), .max = (high)

#define KEY_PROXY_TLV_PATTERN "^(alpn|authority|ssl|certificate|unique_id|role|none)$"
#define KEY_PIN_PATTERN "^sha256:[0-9A-Fa-f]{64}$"

const struct key *key_find(const struct key_object *object, const char *name);

/* Is a default stated, to be shown to users? */
bool key_has_default(const struct key *key);

/* Stores the default of every key of the object in BASE, which is all zero. */
void key_set_defaults(const struct key_object *object, void *base);

#endif
