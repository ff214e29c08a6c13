#include "server/daemon/sandbox/places.h"

#include <errno.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- The system's --------------------------------------------------------------------------- */

struct place {
    const char *path;
    unsigned access;
};

/* Libraries are loaded while it runs, too: those of the resolver, engines and providers. */
static const struct place system_places[] = {
    {"/dev/null", PATHS_READ | PATHS_WRITE},
    {"/dev/urandom", PATHS_READ},
    {"/etc/ld.so.cache", PATHS_READ},
    {"/etc/localtime", PATHS_READ},
    {"/etc/ssl/openssl.cnf", PATHS_READ},
    {"/lib", PATHS_READ},
    {"/lib64", PATHS_READ},
    {"/proc/self", PATHS_READ},
    {"/proc/stat", PATHS_READ},
    {"/proc/sys/net/ipv4/tcp_fastopen", PATHS_READ},
    {"/proc/sys/vm/overcommit_memory", PATHS_READ},
    {"/sys/devices/system/cpu", PATHS_READ},
    {"/usr/lib", PATHS_READ},
    {"/usr/lib64", PATHS_READ},
    {"/usr/local/lib", PATHS_READ},
    {"/usr/share/zoneinfo", PATHS_READ},
    {NULL, 0},
};

static const struct place resolver_places[] = {
    {"/etc/gai.conf", PATHS_READ},
    {"/etc/host.conf", PATHS_READ},
    {"/etc/hosts", PATHS_READ},
    {"/etc/nsswitch.conf", PATHS_READ},
    {"/etc/resolv.conf", PATHS_READ},
    {"/run/NetworkManager", PATHS_READ},
    {"/run/nscd", PATHS_READ},
    {"/run/resolvconf", PATHS_READ},
    {"/run/systemd/resolve", PATHS_READ},
    {"/var/lib/sss/mc", PATHS_READ},
    {NULL, 0},
};

static const struct place account_places[] = {
    {"/etc/group", PATHS_READ},
    {"/etc/nsswitch.conf", PATHS_READ},
    {"/etc/passwd", PATHS_READ},
    {"/run/nscd", PATHS_READ},
    {"/run/systemd/userdb", PATHS_READ},
    {"/var/lib/sss/mc", PATHS_READ},
    {NULL, 0},
};

static const struct place trust_places[] = {
    {"/etc/ca-certificates", PATHS_READ},
    {"/etc/pki/ca-trust", PATHS_READ},
    {"/etc/ssl/certs", PATHS_READ},
    {"/usr/local/share/ca-certificates", PATHS_READ},
    {"/usr/share/ca-certificates", PATHS_READ},
    {"/usr/share/pki", PATHS_READ},
    {NULL, 0},
};

bool places_add_exactly(struct paths *paths, const char *path, unsigned access)
{
    char *real = realpath(path, NULL);
    bool added = real ? paths_add(paths, real, access) : errno != ENOMEM;
    free(real);
    return added;
}

static bool add_table(struct paths *paths, const struct place *places)
{
    bool added = true;
    for (const struct place *place = places; place->path; place++)
        added = places_add_exactly(paths, place->path, place->access) && added;
    return added;
}

static bool add_environment(struct paths *paths, const char *const *names)
{
    bool added = true;
    for (; *names; names++) {
        const char *path = secure_getenv(*names);
        added = (!path || places_add_exactly(paths, path, PATHS_READ)) && added;
    }
    return added;
}

bool places_add_system(struct paths *paths)
{
    static const char *const names[] = {"CREDENTIALS_DIRECTORY", "OPENSSL_CONF", "OPENSSL_ENGINES",
                                        "OPENSSL_MODULES", NULL};
    return add_table(paths, system_places) && add_environment(paths, names);
}

/* Where /etc/resolv.conf is a link, what exchanges its target is in a folder of its own. */
bool places_add_resolver(struct paths *paths)
{
    static const char *const names[] = {"HOSTALIASES", NULL};
    return add_table(paths, resolver_places) &&
           places_add_named(paths, "/etc/resolv.conf", PATHS_READ) && add_environment(paths, names);
}

bool places_add_accounts(struct paths *paths)
{
    return add_table(paths, account_places);
}

bool places_add_trust(struct paths *paths)
{
    static const char *const names[] = {"SSL_CERT_DIR", "SSL_CERT_FILE", NULL};
    return add_table(paths, trust_places) && add_environment(paths, names) &&
           places_add_exactly(paths, X509_get_default_cert_dir(), PATHS_READ) &&
           places_add_exactly(paths, X509_get_default_cert_file(), PATHS_READ);
}

/* ---- What a configuration names ------------------------------------------------------------- */

bool places_is_shared(const char *folder)
{
    static const char *const shared[] = {
        "/etc/pki",   "/etc/pki/tls", "/etc/ssl",       "/usr/lib",         "/usr/local",
        "/usr/share", "/var/cache",   "/usr/local/etc", "/usr/local/share", "/var/lib",
        "/var/run",   "/var/spool",   "/var/tmp",
    };
    const char *second = strchr(folder + 1, '/');
    if (!second || (strncmp(folder, "/home/", 6) == 0 && !strchr(second + 1, '/')))
        return true; /* "/", what is in it, and homes */
    for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
        if (strcmp(folder, shared[i]) == 0)
            return true;
    return false;
}

/* NAME is the file's name in FOLDER. */
static bool add_in(struct paths *paths, const char *folder, const char *name, unsigned access)
{
    char *file = NULL;
    if (!places_is_shared(folder))
        return paths_add(paths, folder, access);
    if (asprintf(&file, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, name) < 0)
        return false;
    bool added = paths_add(paths, file, access);
    free(file);
    return added;
}

/* Through the folder's links, but not the file's own. */
static bool add_as_named(struct paths *paths, const char *path, unsigned access)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    char *real = folder ? realpath(folder, NULL) : NULL;
    bool added = real ? add_in(paths, real, name, access) : folder && errno != ENOMEM;
    free(real);
    free(folder);
    return added;
}

bool places_add_named(struct paths *paths, const char *path, unsigned access)
{
    struct stat status;
    char *real = realpath(path, NULL);
    if (!real)
        return errno != ENOMEM && add_as_named(paths, path, access);
    bool folder = stat(real, &status) == 0 && S_ISDIR(status.st_mode);
    bool added = folder ? paths_add(paths, real, access)
                        : add_as_named(paths, path, access) && add_as_named(paths, real, access);
    free(real);
    return added;
}
