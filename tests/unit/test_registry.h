/* Shared by the tests of the registry: services, and connections that can be aborted. Each call
 * that fails ends the test. */
#ifndef ACTPASS_TEST_REGISTRY_H
#define ACTPASS_TEST_REGISTRY_H

#include "server/daemon/registry.h"

#include "server/lib/conn.h"

#include <criterion/criterion.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SERVICES = 3 };

/* The scene of each test; its suite names scene_begin and scene_end. */
static actpass_config *config;
static struct registry *registry;
static struct registry_service *services[SERVICES];

static inline void scene_begin(void)
{
    config = actpass_config_new();
    registry = registry_new();
    cr_assert(config && registry);
    for (size_t i = 0; i < SERVICES; i++) {
        services[i] = registry_service_new(REGISTRY_PASSING);
        cr_assert_not_null(services[i]);
    }
}

static inline void scene_end(void)
{
    registry_free(registry);
    for (size_t i = 0; i < SERVICES; i++)
        registry_service_release(services[i]);
    actpass_config_free(config);
}

/* A connection that was not started: no thread, no TLS, but it can be aborted. */
static inline actpass_conn *open_conn(void)
{
    int ends[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    close(ends[1]);
    actpass_conn *conn = conn_new(config, ends[0], NULL);
    cr_assert_not_null(conn);
    return conn;
}

static inline void remove_all(struct registry_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        registry_remove(registry, &entries[i]);
        actpass_free(entries[i].conn); /* or NULL */
    }
}

static inline bool was_aborted(actpass_conn *conn)
{
    return actpass_handshake(conn) == -1 && actpass_ended(conn) == ACTPASS_CANCELLED;
}

#endif
