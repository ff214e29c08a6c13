# Sourced by test_install.sh: tests of what is installed beside program and library. `root` is the
# folder into which it was installed with PREFIX=/usr.
units=$root/usr/lib/systemd/system
man=$root/usr/share/man

# Copies of the units whose program exists on this machine.
copy_units() {
    mkdir -p "$work/units" && for unit in actpass.service actpass@.service; do
        sed "s,/usr/bin/actpass,$root/usr/bin/actpass," "$units/$unit" >"$work/units/$unit"
    done
    sed 's/^ListenStream=.*/ListenStream=127.0.0.1:8443/' \
        "$root/usr/share/doc/actpass/examples/actpass.socket" >"$work/units/actpass.socket"
}

# It says nothing when all is well, and its status alone does not count warnings.
verify_units() {
    SYSTEMD_UNIT_PATH="$work/units:" systemd-analyze verify --man=no "$work/units/actpass.service" \
        "$work/units/actpass@front.service" "$work/units/actpass.socket" >"$work/verify" 2>&1 &&
        [ ! -s "$work/verify" ] || { cat "$work/verify"; return 1; }
}

exposure() { # UNIT: at most 1.5
    systemd-analyze security --offline=yes --threshold=15 "$work/units/$1"
}

# The names of the system calls that the unit allows, one a line.
allowed_calls() {
    systemd-analyze syscall-filter >"$work/groups" && python3 - "$units/actpass.service" "$work/groups" <<'END'
import re, sys
lines = open(sys.argv[2]).read().splitlines()
members, group = {}, None
for line in lines:
    word = re.sub(r"\x1b\[[0-9;]*m", "", line).strip()
    if word.startswith("@") and not line.startswith(" "):
        group = members.setdefault(word, [])
    elif group is not None and word and not word.startswith("#"):
        group.append(word)

def calls(word):
    return set().union(*map(calls, members[word])) if word in members else {word}

allowed = set()
for value in re.findall(r"^SystemCallFilter=(.*)$", open(sys.argv[1]).read(), re.M):
    named = set().union(*map(calls, value.lstrip("~").split()))
    allowed = allowed - named if value.startswith("~") else allowed | named
print("\n".join(sorted(allowed)))
END
}

make_certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -config /dev/null \
        -subj /CN=front.example -addext subjectAltName=DNS:front.example \
        -out "$work/front.pem" -keyout "$work/front.key" 2>/dev/null
}

await() { # FILE PATTERN
    local tries
    for ((tries = 0; tries < 200; tries++)); do
        grep -q -e "$2" "$1" 2>/dev/null && return
        sleep 0.05
    done
    return 1
}

# A start, a handshake, a reload, and a stop need only system calls that the unit allows.
filter_is_complete() {
    local pid port
    make_certificate
    cat >"$work/front.json" <<'END'
{ "services": [ { "name": "front", "listen": "127.0.0.1:0", "role": "server", "echo": true,
    "tls": { "certificate": "front.pem", "key": "front.key", "client_auth": "none" } } ] }
END
    # Only the actpass inside of strace matters, from its own execve on.
    strace -f -qq -o "$work/trace" "$root/usr/bin/actpass" "$work/front.json" 2>"$work/log" &
    pid=$!
    await "$work/log" event=listening || return
    port=$(sed -n 's/.*event=listening.*address=127.0.0.1:\([0-9]*\).*/\1/p' "$work/log")
    echo hello | timeout 20 openssl s_client -quiet -no_ign_eof -connect "127.0.0.1:$port" >/dev/null 2>&1
    pkill -HUP -P "$pid" && await "$work/log" event=reload || return
    pkill -TERM -P "$pid"
    wait "$pid" || return
    sed -n 's/^[0-9]* *\([a-z_0-9]*\)(.*/\1/p' "$work/trace" | LC_ALL=C sort -u >"$work/calls"
    [ "$(wc -l <"$work/calls")" -gt 30 ] || return
    allowed_calls >"$work/allowed"
    # systemd allows execve for the start of the program.
    LC_ALL=C comm -23 "$work/calls" "$work/allowed" | grep -vx execve >"$work/missing"
    [ ! -s "$work/missing" ] || { cat "$work/missing"; return 1; }
}

# Without notes on style and without what mandoc says of `.so`, whose target it does not look for.
man_is_clean() {
    local page
    find "$man" -name '*.[135]' -type f | while read -r page; do
        grep -q '^\.so ' "$page" || echo "$page"
    done | xargs mandoc -Tlint -W style
}

# Each page of a function refers to a page that is there, and that names the function.
functions_have_pages() {
    local name page first
    nm -D --defined-only "$root/usr/lib/libactpass.so.0" | awk '$2 == "T" { print $3 }' |
        sed 's/@.*//' | sort -u >"$work/functions"
    [ -s "$work/functions" ] || return
    while read -r name; do
        page=$man/man3/$name.3
        [ -s "$page" ] || { echo "no page $page"; return 1; }
        read -r first <"$page"
        [[ $first != .so\ * ]] || page=$man/${first#.so }
        [[ $(<"$page") == *[^a-z_]"$name"[^a-z_]* ]] || { echo "$page does not name $name"; return 1; }
    done <"$work/functions"
}

options() {
    "$root/usr/bin/actpass" --help | grep -oE -- '--[a-z-]+' | sort -u
}

man_has_options() {
    local option
    for option in $(options); do
        mandoc -Tascii "$man/man1/actpass.1" | col -b | grep -qwe "$option" ||
            { echo "actpass(1) does not have $option"; return 1; }
    done
}

man_has_keys() {
    mandoc -Tascii "$man/man5/actpass.conf.5" | col -b >"$work/conf.5" &&
        grep -q '^ *initial_data_timeout (' "$work/conf.5" && grep -q 'Keys of services tls' "$work/conf.5"
}

completes_in_bash() { # WORD: prints what it may become
    PATH=$root/usr/bin:$PATH bash -c '. "$1" && COMP_WORDS=(actpass "$2") COMP_CWORD=1 && _actpass &&
        printf "%s\n" "${COMPREPLY[@]}"' bash "$root/usr/share/bash-completion/completions/actpass" "$1"
}

bash_completes() {
    [ "$(completes_in_bash --)" = "$(options)" ] && [ "$(completes_in_bash --sch)" = --schema ] &&
        [ "$(completes_in_bash examples/meet_a)" = examples/meet_alice.json ] &&
        [ -z "$(completes_in_bash examples/emb)" ]
}

zsh_completes() {
    zsh -fc 'fpath=($1 $fpath); autoload -Uz compinit && compinit -D -u &&
        [[ $_comps[actpass] == _actpass ]] && autoload -Uz +X _actpass' zsh \
        "$root/usr/share/zsh/site-functions"
}

own_configuration_stays() {
    local file=$root/etc/actpass/actpass.json
    echo '{}' >"$file" && scons_here install DESTDIR="$root" PREFIX=/usr &&
        [ "$(cat "$file")" = '{}' ]
}

# All it lacks is the files.
example_is_right() {
    "$root/usr/bin/actpass" --check "$root/etc/actpass/actpass.json" >"$work/example" 2>&1
    sed -n '/certificate.pem/d; /private_key.pem/d; /ca.pem/d; p' "$work/example" >"$work/others"
    [ ! -s "$work/others" ] && [ -s "$work/example" ] || { cat "$work/example"; return 1; }
}

private_is_private() {
    [ "$(stat -c %a "$root/etc/actpass/private")" = 700 ]
}

check 'the units are copied' copy_units
check 'systemd-analyze verify' verify_units
for unit in actpass.service actpass@.service; do
    check "systemd-analyze security $unit is at most 1.5" exposure "$unit"
done
check 'the unit allows the system calls that are made' filter_is_complete
check 'sysusers and tmpfiles' bash -c 'systemd-sysusers --dry-run "$1/sysusers.d/actpass.conf" &&
    [ -s "$1/tmpfiles.d/actpass.conf" ]' bash "$root/usr/lib"
check 'mandoc -Tlint' man_is_clean
check 'each function has a page' functions_have_pages
check 'actpass(1) has all options' man_has_options
check 'actpass.conf(5) has the keys' man_has_keys
check 'completion in bash' bash_completes
check 'completion in zsh' zsh_completes
check 'the example configuration' example_is_right
check 'the folder of keys' private_is_private
check 'an own configuration stays' own_configuration_stays
