#!/usr/bin/env bash
# Shows how devices behind NAT are reached by the name in their certificate, in some seconds:
#   - a CA, a collector, and three devices, each with a plain web server that only it can reach;
#   - each device sits in a network of its own behind a router that masquerades (network namespaces
#     and nftables, as root), all of them with the same private address. Where that is not possible
#     the devices have loopback addresses, and the script says so;
#   - each is reached by its name, with curl and with nc, through the gate of the collector.
# It runs the actpass of build/release, of BUILDDIR/release, or with --installed that of the PATH.
# Cleans up. Status 0 only if each device has answered with its own name.
set -euo pipefail
cd "$(dirname "$0")"
actpass=$(cd ../.. && realpath -m "${BUILDDIR:-build}/release/actpass")
[ "${1:-}" != --installed ] || actpass=actpass
# shellcheck source-path=SCRIPTDIR source=../common/show.sh
. ../common/show.sh
space=fleet$$ # what the names of our namespaces begin with
devices=(1 2 3)
spaces=()

undo() {
    local name
    for name in "${spaces[@]}"; do
        ip netns del "$name" 2>/dev/null || true
    done
}

# ---- Networks -------------------------------------------------------------------------------------

add_space() { # NAME
    ip netns add "$space-$1"
    spaces+=("$space-$1")
    ip -n "$space-$1" link set lo up
}

# A cable between two namespaces.
connect() { # SPACE INTERFACE ADDRESS/BITS, twice
    ip link add "$2" netns "$space-$1" type veth peer name "$5" netns "$space-$4"
    ip -n "$space-$1" address add "$3" dev "$2"
    ip -n "$space-$4" address add "$6" dev "$5"
    ip -n "$space-$1" link set "$2" up
    ip -n "$space-$4" link set "$5" up
}

masquerade() { # SPACE INTERFACE
    ip netns exec "$space-$1" sysctl -qw net.ipv4.ip_forward=1
    ip netns exec "$space-$1" nft -f - <<END
table ip nat {
    chain out { type nat hook postrouting priority srcnat; oifname "$2" masquerade; }
}
END
}

# The device, its router, and the router's line to the internet, on which the collector is.
make_home() { # NUMBER
    add_space "router$1"
    add_space "device$1"
    connect net "line$1" "198.51.100.$((4 * $1 + 1))/30" \
        "router$1" wan "198.51.100.$((4 * $1 + 2))/30"
    connect "router$1" lan 192.168.1.1/24 "device$1" eth0 192.168.1.2/24
    ip -n "$space-router$1" route add default via "198.51.100.$((4 * $1 + 1))"
    ip -n "$space-device$1" route add default via 192.168.1.1
    masquerade "router$1" wan
}

make_networks() {
    local number
    add_space net
    ip -n "$space-net" address add 203.0.113.1/32 dev lo # the collector
    for number in "${devices[@]}"; do
        make_home "$number"
    done
}

remove_networks() {
    local name
    for name in "${spaces[@]}"; do
        ip netns del "$name"
    done
    spaces=()
}

choose_networks() {
    local why
    # Not in a subshell, which would lose the list of what there is to be removed.
    if [ "$(id -u)" = 0 ] && command -v nft >/dev/null && command -v ip >/dev/null &&
        make_networks 2>"$folder/networks.log"; then
        collector=203.0.113.1
        echo "  three networks behind routers that masquerade; each device is 192.168.1.2"
        return
    fi
    why=$(tail -n 1 "$folder/networks.log" 2>/dev/null || true)
    remove_networks
    collector=127.0.0.1
    echo "  loopback addresses, since networks of their own need root, ip and nft (nftables)"
    [ -z "$why" ] || echo "  ($why)"
}

inside() { # PLACE COMMAND...: there, if there are namespaces
    local place=$1
    shift
    if [ "$collector" = 127.0.0.1 ]; then
        exec "$@"
    fi
    exec ip netns exec "$space-$place" "$@"
}

# ---- Programs -------------------------------------------------------------------------------------

# Loopback has one port of a number for each address.
backend_of() { # NUMBER
    if [ "$collector" = 127.0.0.1 ]; then
        echo "127.0.1.$1"
    else
        echo 127.0.0.1
    fi
}

start_collector() {
    sed -e "s/0.0.0.0:4336/$collector:0/" -e "s/127.0.0.1:1080/127.0.0.1:0/" collector.json \
        >"$folder/collector.json"
    inside net "$actpass" "$folder/collector.json" 2>"$folder/collector.log" &
    started+=($!)
    field=$(await "$folder/collector.log" "event=listening service=field")
    field=${field##*address=}
    gate=$(await "$folder/collector.log" "event=listening service=gate")
    gate=${gate##*address=}
}

start_device() { # NUMBER
    local name=dev$1.devices.example backend
    backend=$(backend_of "$1")
    mkdir "$folder/www$1"
    echo "This is $name." >"$folder/www$1/index.html"
    inside "device$1" python3 -u -m http.server --bind "$backend" --directory "$folder/www$1" 0 \
        >"$folder/www$1.log" 2>&1 &
    started+=($!)
    backend=$backend:$(await "$folder/www$1.log" "Serving HTTP" |
        sed 's/.* port \([0-9]*\).*/\1/')
    make_certificate "device$1" "$name"
    sed -e "s/collector.example:4336/$field/" -e "s/127.0.0.1:8080/$backend/" \
        -e "s/\"device\./\"device$1./" device.json >"$folder/device$1.json"
    inside "device$1" "$actpass" "$folder/device$1.json" 2>"$folder/device$1.log" &
    started+=($!)
    echo "  $name, with http://$backend behind it"
}

reach_by_curl() { # NAME
    (inside net curl --silent --show-error --fail --max-time 20 --noproxy '' \
        --proxytunnel --proxy "http://$gate" "http://$1/")
}

# nc -N ends its direction once it has sent all; actpass passes that on.
reach_by_nc() { # NAME
    printf 'GET / HTTP/1.0\r\n\r\n' |
        (inside net nc -N -X connect -x "$gate" "$1" 80) | tail -n 1
}

expect() { # WANTED ANSWER WAY
    printf '  %-5s %s\n' "$3:" "$2"
    [ "$1" = "$2" ]
}

# ---- All of it ------------------------------------------------------------------------------------

say "Networks"
choose_networks

say "A CA, and the collector: its gate is an HTTP proxy (CONNECT)"
umask 077
make_ca fleet
make_certificate collector collector.example
start_collector
echo "  devices call home to $field; the gate is $gate"

say "Devices call home, and wait"
for number in "${devices[@]}"; do
    start_device "$number"
done

if [ "$collector" != 127.0.0.1 ]; then
    say "From the collector's network no device can be connected to"
    if (inside net nc -z -w 1 192.168.1.2 80) 2>/dev/null; then
        echo "  192.168.1.2 answers" >&2
        exit 1
    fi
    echo "  192.168.1.2: no answer"
fi

say "But each can be reached by its name"
for number in "${devices[@]}"; do
    name=dev$number.devices.example
    expect "This is $name." "$(reach_by_curl "$name")" curl
    expect "This is $name." "$(reach_by_nc "$name")" nc
done

say "A name that no device has"
status=$( (inside net curl --silent --max-time 20 --noproxy '' --output /dev/null \
    --write-out '%{http_connect}' --proxytunnel --proxy "http://$gate" http://dev.elsewhere.example/) || true)
echo "  dev.elsewhere.example: status $status"
[ "$status" = 404 ]

say "What the collector's log says about the first one"
await "$folder/collector.log" "event=close.*reached=dev1.devices.example" | fold -s -w 96 | sed 's/^/  /'

say "Each device was reached by the name in its certificate."
