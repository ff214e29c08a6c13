#include "server/daemon/version.h"

#include "server/include/actpass.h"

#include <openssl/crypto.h>
#include <stdio.h>

#ifdef HAVE_LMDB
static const char file_sessions[] = "yes";
#else
static const char file_sessions[] = "no, built without LMDB";
#endif

#ifdef HAVE_HIREDIS
static const char redis_sessions[] = "yes";
#else
static const char redis_sessions[] = "no, built without hiredis";
#endif

#ifdef HAVE_LIBSECCOMP
static const char sandbox_calls[] = "yes";
#else
static const char sandbox_calls[] = "no, built without libseccomp";
#endif

#ifdef HAVE_LIBMICROHTTPD
static const char admin[] = "yes";
#else
static const char admin[] = "no, built without libmicrohttpd";
#endif

bool version_print(void)
{
    return printf("actpass " ACTPASS_VERSION "\n"
                  "%s\n"
                  "sessions in files: %s\n"
                  "sessions in Redis: %s\n"
                  "admin listener: %s\n"
                  "seccomp in the sandbox: %s\n",
                  OpenSSL_version(OPENSSL_VERSION), file_sessions, redis_sessions, admin,
                  sandbox_calls) > 0 &&
           fflush(stdout) == 0;
}
