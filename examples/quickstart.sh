#!/usr/bin/env bash
# Shows what actpass does, in about a minute: one port, in front of a plain web server, reached
#   - by curl, an ordinary TLS client, which speaks first, and
#   - by a device that calls home: it connects, stays silent, and is the TLS server.
# Installs what is missing (Debian, Ubuntu), builds, and cleans up. Status 0 only when both worked.
# ACTPASS_NO_INSTALL=1 installs nothing; BUILDDIR=FOLDER builds elsewhere than in build/. With
# --installed the program of the PATH is shown, and only the device is built, with its library.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILDDIR:-build}
# shellcheck source-path=SCRIPTDIR source=common/show.sh
. examples/common/show.sh

# The value of a field of a log line.
field() { # LINE KEY
    sed -n "s/.* $2=\([^ ]*\).*/\1/p" <<<" $1"
}

# Prints what the log says about connection number N. Fails unless the role and its cause are these.
explain() { # N ROLE CAUSE
    local line first
    line=$(await "$folder/actpass.log" " conn=$1 .*event=close")
    case $(field "$line" spoke_first) in
    peer) first="the peer, after $(field "$line" first_byte_ms) ms" ;;
    *) first="actpass; the peer was silent for $(field "$line" role_ms) ms" ;;
    esac
    printf '  who spoke first:  %s\n' "$first"
    printf '  role of actpass:  TLS %s\n' "$(field "$line" role)"
    printf '  because of:       %s\n' "$(field "$line" cause)"
    printf '  how it ended:     %s, with %s\n' "$(field "$line" reason)" "$(field "$line" protocol)"
    [ "$(field "$line" role) $(field "$line" cause)" = "$2 $3" ] &&
        [ "$(field "$line" reason)" = CLEAN ]
}

if [ "${1:-}" = --installed ]; then
    say "1. Build the device, with the installed library"
    cp -r examples "$folder/examples"
    make -C "$folder/examples" callhome_device >"$folder/build.log" 2>&1
    actpass=actpass
    device=$folder/examples/callhome_device
else
    say "1. Build (scons, into $build/release)"
    if [ -z "${ACTPASS_NO_INSTALL:-}" ]; then
        .ci/install.sh build demo
    fi
    scons -Q -j"$(nproc)" BUILDDIR="$build" >"$folder/build.log" 2>&1
    actpass=$build/release/actpass
    device=$build/release/examples/callhome_device
fi
"$actpass" --version

say "2. Certificates: a CA, actpass (front.example) and a device (dev1.devices.example)"
umask 077
make_ca quickstart
make_certificate peer front.example
make_certificate device dev1.devices.example
echo "  in $folder"

say "3. A plain web server, and actpass in front of it"
mkdir "$folder/www"
echo "Hello from the plain backend." >"$folder/www/index.html"
python3 -u -m http.server --bind 127.0.0.1 --directory "$folder/www" 0 >"$folder/backend.log" 2>&1 &
started+=($!)
backend=127.0.0.1:$(await "$folder/backend.log" "Serving HTTP" | sed 's/.* port \([0-9]*\).*/\1/')
# The example's own ports, replaced by free ones.
sed -e "s/127.0.0.1:8443/127.0.0.1:0/" -e "s/127.0.0.1:8080/$backend/" \
    examples/quickstart.json >"$folder/quickstart.json"
"$actpass" "$folder/quickstart.json" 2>"$folder/actpass.log" &
started+=($!)
front=$(field "$(await "$folder/actpass.log" "event=listening")" address)
port=${front##*:}
echo "  $front (TLS, either role)  ->  $backend (plain)"

say "4. curl, an ordinary TLS client"
answer=$(curl --silent --show-error --fail --max-time 20 --noproxy '*' --cacert "$folder/ca.pem" \
    --resolve "front.example:$port:127.0.0.1" "https://front.example:$port/")
echo "  answer:           $answer"
[ "$answer" = "Hello from the plain backend." ]
explain 1 server client_hello

say "5. A device that calls home: TCP client, but TLS server"
answer=$(printf 'GET / HTTP/1.0\r\n\r\n' |
    "$device" "$front" "$folder/device.pem" "$folder/device.key" "$folder/ca.pem" front.example \
        2>"$folder/device.log" | tail -n 1)
echo "  answer:           $answer"
[ "$answer" = "Hello from the plain backend." ]
explain 2 client silence

say "6. SIGTERM: actpass lets open connections end, and stops"
kill -TERM "${started[1]}"
wait "${started[1]}"
unset 'started[1]'
echo "  status 0"

say "Both reached the same service on the same port."
