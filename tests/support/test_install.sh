#!/usr/bin/env bash
# `scons install` into an empty folder, and programs built on what lies there: in C and in C++,
# with the shared and with the static library, found by pkg-config. Then what lies there beside.
# Uses BUILDDIR (default build) and CC, CXX.
set -u
cd "$(dirname "$0")/../.." || exit 1
builddir=${BUILDDIR:-build}
CC=${CC:-gcc} CXX=${CXX:-g++}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
root=$work/root
. tests/support/check.sh

cat >"$work/user.c" <<'EOF'
#include <actpass.h>
#include <stdio.h>
#include <string.h>

/* Names that the library uses inside: they must not clash with a user's own. */
int config_load(void);
int relay_new(void);
int config_load(void) { return 1; }
int relay_new(void) { return 2; }

int main(void)
{
    actpass_config *config = actpass_config_new();
    if (!config || actpass_config_set_role(config, ACTPASS_ROLE_SERVER) != 0) {
        return 1;
    }
    actpass_config_free(config);
    puts(actpass_role_name(ACTPASS_ROLE_AUTO));
    return strcmp(actpass_role_name(ACTPASS_ROLE_CLIENT), "client") ? 1 : config_load() + relay_new() - 3;
}
EOF
cp "$work/user.c" "$work/user.cc"

# A program that uses the SSL object itself: pkg-config must bring OpenSSL's headers and libraries.
cat >"$work/ssl.c" <<'EOF'
#include <actpass.h>
#include <openssl/ssl.h>

int main(int argc, char **argv)
{
    SSL *(*get)(actpass_conn *) = actpass_ssl;
    if (argc > 1) /* linked, never called */
        return SSL_write(get(0), argv[1], 1);
    return OpenSSL_version_num() ? 0 : 1;
}
EOF

flags() { # pkg-config's answer, with the folder in front of all paths, as a packager would see it
    PKG_CONFIG_PATH=$root/usr/lib/pkgconfig pkg-config --define-variable=prefix="$root/usr" \
        --define-variable=libdir="$root/usr/lib" "$@" actpass
}

says_prefix() {
    grep -qx 'prefix=/usr' "$root/usr/lib/pkgconfig/actpass.pc"
}

shared_name() {
    readelf -d "$root/usr/lib/libactpass.so.0" | grep -q 'SONAME.*\[libactpass.so.0\]'
}

hardened() {
    readelf -hd "$root/usr/bin/actpass" >"$work/elf" && grep -q 'Type:.*DYN' "$work/elf" &&
        grep -q 'FLAGS_1.*NOW.*PIE' "$work/elf" &&
        readelf -l "$root/usr/bin/actpass" | grep -q GNU_RELRO &&
        nm -D "$root/usr/bin/actpass" >"$work/names" && grep -q ' __stack_chk_fail' "$work/names" &&
        grep -q ' __[a-z]*printf_chk' "$work/names" # FORTIFY's
}

# shellcheck disable=SC2046 # the flags are words
build_and_run() { # COMPILER SOURCE static|shared
    local program=$work/user-$2-$3
    if [ "$3" = static ]; then
        mkdir -p "$work/static" && cp "$root/usr/lib/libactpass.a" "$work/static/" &&
            $1 -Wall -Wextra -Werror "$work/$2" -o "$program" $(flags --cflags) -L"$work/static" \
                $(flags --libs --static | sed "s,-L$root/usr/lib,,") &&
            ! readelf -d "$program" | grep -q libactpass && "$program"
    else
        $1 -Wall -Wextra -Werror "$work/$2" -o "$program" $(flags --cflags --libs) &&
            LD_LIBRARY_PATH=$root/usr/lib "$program"
    fi
}

# As a user would: with make, in a copy of the folder, on the installed library.
examples_build() {
    cp -r examples "$work/examples" && sed "s,=/usr,=$root/usr," \
        "$root/usr/lib/pkgconfig/actpass.pc" >"$work/examples/actpass.pc" &&
        make -C "$work/examples" PKG_CONFIG_PATH="$work/examples" CC="$CC" CFLAGS='-Wall -Wextra -Werror' &&
        ! LD_LIBRARY_PATH=$root/usr/lib "$work/examples/embed" "$work/none.json" 2>"$work/embed.err" &&
        grep -q none.json "$work/embed.err"
}

scons_here() {
    scons -Q BUILDDIR="$builddir" "$@"
}

# TESTS=word without a test of that name must not pass for a run in which nothing failed.
refuses_unknown_tests() {
    ! scons_here unit TESTS=no_such_test >"$work/refusal" 2>&1 &&
        grep -q 'TESTS=no_such_test fits no test program; there are: .*test_text' "$work/refusal" ||
        { cat "$work/refusal"; return 1; }
}

check 'scons install' scons_here install DESTDIR="$root" PREFIX=/usr
if [ "$failed" -gt 0 ]; then
    echo "$passed passed, $failed failed"
    exit 1
fi
headers=(server/include/*.h)
for file in bin/actpass "${headers[@]#server/}" lib/libactpass.a lib/libactpass.so lib/libactpass.so.0 \
    lib/pkgconfig/actpass.pc share/actpass/actpass.schema.json; do
    check "installed: $file" test -s "$root/usr/$file"
done
check 'actpass.pc names the prefix without DESTDIR' says_prefix
check 'soname' shared_name
check 'hardening' hardened
check 'the static library shows only public names' only_public_names "$root/usr/lib/libactpass.a"
check 'the shared library shows only public names' only_public_names "$root/usr/lib/libactpass.so.0" -D
check 'headers, version script and shared library agree' tests/support/abi.py \
    "$root/usr/lib/libactpass.so.0"
check 'the installed program runs' "$root/usr/bin/actpass" --version
for library in shared static; do
    check "a C program on the $library library" build_and_run "$CC" user.c $library
    check "a C++ program on the $library library" build_and_run "$CXX" user.cc $library
done
check 'a C program that uses actpass_ssl' build_and_run "$CC" ssl.c shared
check 'a C program that uses actpass_ssl, on the static library' build_and_run "$CC" ssl.c static
check 'the examples build by their Makefile, and run' examples_build
check 'scons unit TESTS=word refuses a word that fits nothing' refuses_unknown_tests
. tests/support/installed_files.sh
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
