/* What messages call a Redis, and its keys in the configuration. Constant texts. */
#ifndef ACTPASS_SERVER_REDIS_WORDS_H
#define ACTPASS_SERVER_REDIS_WORDS_H

struct redis_words {
    const char *title; /* "sessions in Redis" */
    const char *password_key;
    const char *ca_key;
};

#endif
