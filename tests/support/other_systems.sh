#!/usr/bin/env bash
# Builds and tests actpass for another processor: other_systems.sh i386|arm64 FOLDER [TESTS=WORD]
#   i386   a Debian 12 of 32 bits: builds everything, and runs the unit and torture tests (with TESTS=WORD
#          those of that name)
#   arm64  a cross build in a Debian 12, as a packager would make it; under QEMU the program checks a
#          configuration, and an example makes a TLS connection with it
# FOLDER/root is made by debootstrap from the Debian mirror of this machine's apt, and used again
# when it is there; making one takes some minutes. Needs root. The last line is `N passed, N
# failed`.
set -u
cd "$(dirname "$0")/../.." || exit 1
[ $# -ge 2 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | head -n -1; exit 2; }
system=$1
mkdir -p "$2" || exit 1
folder=$(cd "$2" && pwd)
. tests/support/debian_root.sh

if [ "${OTHER_INSIDE:-}" != yes ]; then
    case $system in
    i386) make_root bookworm --arch=i386 ;;
    arm64) make_root bookworm ;;
    *) fail "unknown system $system" ;;
    esac
    export OTHER_INSIDE=yes
    in_namespaces "$0" "$system" "$folder" "${@:3}"
fi
enter || fail 'could not mount what the root needs'
scons="scons -Q -j$(nproc) BUILDDIR=/build"

i386() { # [TESTS=WORD]
    step install /src/.ci/install.sh build demo
    step packages apt-get -q -y install --no-install-recommends libcriterion-dev iproute2 procps redis-server
    step build bash -c "cd /src && $scons all test-programs"
    inside unshare --net bash -c "ip link set lo up && cd /src && $scons test $*"
}

# The installed emulator runs what was built; the peer is the root's own openssl.
connects() {
    inside unshare --net bash -c 'ip link set lo up && cd /tmp && rm -f out && umask 077 &&
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=a.example \
            -addext subjectAltName=DNS:a.example -out peer.pem -keyout peer.key 2>/dev/null && cp peer.pem ca.pem &&
        cp /src/examples/quickstart.json . && qemu-aarch64-static /build/release/actpass --check quickstart.json &&
        { qemu-aarch64-static /build/release/examples/embed quickstart.json >out & } &&
        until port=$(sed -n "s/.*://p" out) && [ -n "$port" ]; do sleep 0.1; done &&
        openssl s_client -quiet -verify_return_error -CAfile ca.pem -connect "127.0.0.1:$port" </dev/null
        kill %1' >"$folder/run.log" 2>&1
    grep -q 'I am the TLS server, because of: client_hello' "$folder/run.log"
}

# Of the section [build], for arm64: the libraries, and the tools that make code for it.
arm64() {
    local tools=aarch64-linux-gnu
    step architecture dpkg --add-architecture arm64
    step update apt-get -q update
    step install /src/.ci/install.sh build demo
    step packages apt-get -q -y install --no-install-recommends gcc-$tools libc6-dev-arm64-cross qemu-user-static iproute2 \
        libssl-dev:arm64 libcjson-dev:arm64 liblmdb-dev:arm64 libhiredis-dev:arm64 libzstd-dev:arm64
    step build bash -c "cd /src && export PKG_CONFIG_LIBDIR=/usr/lib/$tools/pkgconfig && \
        $scons CC=$tools-gcc AR=$tools-ar OBJCOPY=$tools-objcopy all"
    step kind bash -c 'for file in libactpass.so.0 actpass; do readelf -h /build/release/$file; done | grep AArch64'
    echo 'ok   the library, the program and the examples build'
    connects || { cat "$folder/run.log"; fail 'an emulated example does not talk to openssl'; }
    echo 'ok   an emulated example talks to openssl'
    echo '2 passed, 0 failed'
}

"$system" "${@:3}"
