#!/usr/bin/env bash
# One build with three rare options: a copy of the tree without server/daemon, link-time
# optimization, and an objcopy of its own, as in a cross build. And two more copies, whose
# libraries must be the same. Uses the objects in BUILDDIR (default build).
set -u
cd "$(dirname "$0")/../.." || exit 1
CC=${CC:-gcc}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
build=$work/build/release
. tests/support/check.sh

copy_without_daemon() {
    mkdir "$work/src" &&
        tar -c --exclude=server/daemon --exclude=tests/e2e SConstruct config relay server examples \
            tests | tar -x -C "$work/src" && [ ! -e "$work/src/server/daemon" ]
}

make_objcopy() {
    printf '#!/bin/sh\ntouch %s\nexec objcopy "$@"\n' "$work/objcopy.called" >"$work/objcopy" &&
        chmod +x "$work/objcopy"
}

scons_there() { # TARGET...
    (cd "$work/src" && scons -Q -j"$(nproc)" BUILDDIR="$work/build" CC="$CC" OBJCOPY="$work/objcopy" \
        CFLAGS='-O1 -g0 -flto=auto' LDFLAGS=-flto=auto "$@")
}

# Objects of gcc's intermediate code have sections of that name.
is_machine_code() {
    readelf -SW "$build/libactpass.a" >"$work/sections" && ! grep -q 'gnu\.lto_' "$work/sections" &&
        grep -q ' \.text' "$work/sections"
}

# By another compiler run, without -flto: the user need not know how the library was built.
links_plainly() {
    printf '#include <actpass.h>\nint main(void) { return !actpass_config_new(); }\n' >"$work/user.c" &&
        "$CC" -Iserver/include "$work/user.c" -o "$work/user" "$build/libactpass.a" \
            $(pkg-config --libs $(sed -n 's/^Requires.private: *//p' "$build/actpass.pc") openssl) -pthread &&
        "$work/user"
}

# Most objects are copied, so that it does not take long: those of relay/ show what the folder
# changes, and the libraries what the order and the times of files change.
build_in() { # FOLDER
    local from=${BUILDDIR:-build}/release made=$1/build/release
    mkdir -p "$made" && cp -r SConstruct config relay server examples tests "$1" &&
        cp -r "$from"/{.sconsign*,sconf,config,relay,server,internal} "$made" &&
        rm -r "$made/relay" "$made/internal" &&
        (cd "$1" && scons -Q -j"$(nproc)" CC="$CC" build/release/libactpass.{a,so.0})
}

same_in_two_folders() {
    local library
    build_in "$work/one" && build_in "$work/two/deeper" || return
    for library in libactpass.a libactpass.so.0; do
        cmp "$work/one/build/release/$library" "$work/two/deeper/build/release/$library" || return
    done
}

check 'the libraries are the same in two folders' same_in_two_folders
check 'a copy without server/daemon' copy_without_daemon
check 'an objcopy of our own' make_objcopy
check 'the libraries and examples build without server/daemon, with -flto' scons_there all
check 'OBJCOPY was used' test -e "$work/objcopy.called"
check 'there is no program' test ! -e "$build/actpass"
check 'the static library is machine code' is_machine_code
check 'it shows only public names' only_public_names "$build/libactpass.a"
check 'so does the shared library' only_public_names "$build/libactpass.so.0" -D
check 'a program links it without -flto' links_plainly
check 'unit tests of the library pass' scons_there unit TESTS=test_t
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
