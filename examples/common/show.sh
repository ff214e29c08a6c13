# shellcheck shell=bash
# What the scripts here share, which source it: a folder for their files, and the programs that they
# start, both gone when they end. The caller has `set -euo pipefail`, and adds the process ids of what
# it starts to `started`, whose output is in "$folder"/*.log, which is shown if the script fails.
folder=$(mktemp -d "${TMPDIR:-/tmp}/actpass-show.XXXXXX")
started=()

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }

# What else there is to undo: for the caller to define again.
undo() { :; }

clean_up() {
    local status=$? pid
    for pid in "${started[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    undo
    if [ "$status" -ne 0 ]; then
        say "This did not work (status $status). What the programs said:"
        tail -n 30 "$folder"/*.log 2>/dev/null || true
    fi
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Waits until the file has a line with the pattern, and prints the last of them.
await() { # FILE PATTERN
    local tries
    for ((tries = 0; tries < 200; tries++)); do
        if grep -e "$2" "$1" 2>/dev/null | tail -n 1 | grep .; then
            return 0
        fi
        sleep 0.1
    done
    echo "no line with \"$2\" came within 20 seconds" >&2
    return 1
}

make_ca() { # TITLE
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -config /dev/null \
        -subj "/CN=$1 CA" -addext basicConstraints=critical,CA:TRUE \
        -out "$folder/ca.pem" -keyout "$folder/ca.key" 2>/dev/null
}

make_certificate() { # FILE NAME
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -config /dev/null \
        -subj "/CN=$2" -addext "subjectAltName=DNS:$2" -addext basicConstraints=critical,CA:FALSE \
        -CA "$folder/ca.pem" -CAkey "$folder/ca.key" \
        -out "$folder/$1.pem" -keyout "$folder/$1.key" 2>/dev/null
}
