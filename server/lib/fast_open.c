#include "server/lib/fast_open.h"

#include "relay/clock.h"

enum { UNFIT_FOR_MS = 3600000 };

static bool key_of(const struct candidate *candidate, struct peer_key *key)
{
    return peer_key_with_port((const struct sockaddr *)(const void *)&candidate->address, key);
}

bool fast_open_is_fit(struct peers *unfit, const struct candidate *candidate)
{
    struct peer_key key;
    return key_of(candidate, &key) && peers_get(unfit, &key) < clock_now_us();
}

void fast_open_note_unfit(struct peers *unfit, const struct candidate *candidate)
{
    struct peer_key key;
    if (key_of(candidate, &key))
        peers_set(unfit, &key, clock_deadline_ms(UNFIT_FOR_MS));
}
