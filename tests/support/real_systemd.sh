#!/usr/bin/env bash
# Runs the installed units under a real systemd: real_systemd.sh
# Boots a copy of this machine's root (an overlay, of which nothing stays) with systemd-nspawn, and
# tests there that actpass starts with its credentials and without rights, listens on the socket
# that systemd passes, reloads, is restarted by the watchdog, and stops. Needs root, and the Debian
# packages systemd and systemd-container. Takes half a minute. Uses BUILDDIR (default build).
# The last line is `N passed, N failed`.
set -u
cd "$(dirname "$0")/../.." || exit 1

# ---- Outside ----------------------------------------------------------------------------------

if [ "${1:-}" != --inside ]; then
    if [ "${1:-}" != --in-namespace ]; then
        exec unshare --mount "$0" --in-namespace
    fi
    . tests/support/booted.sh
    work=$(mktemp -d) || exit 1
    trap 'leave_booted; rm -rf "$work"' EXIT
    scons -Q BUILDDIR="${BUILDDIR:-build}" install DESTDIR="$work/installed" PREFIX=/usr \
        >"$work/install" 2>&1 || { cat "$work/install"; exit 1; }
    boot / '/src/tests/support/real_systemd.sh --inside' --bind-ro="$work/installed:/installed"
    exit
fi

# ---- Inside -----------------------------------------------------------------------------------

work=/tmp
. tests/support/check.sh

set_up() {
    cp -a /installed/usr/. /usr/ && cp -a /installed/etc/. /etc/ && cd /etc/actpass &&
        echo secret >private/passphrase &&
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -passout file:private/passphrase \
            -days 2 -config /dev/null -subj /CN=front.example -addext subjectAltName=DNS:front.example \
            -out certificate.pem -keyout private/key.pem && chmod 600 private/* &&
        chmod 644 certificate.pem && write_configuration actpass 443 &&
        write_configuration actpass@other 8443 && mv actpass@other.json other.json &&
        cp /usr/share/doc/actpass/examples/actpass.socket /etc/systemd/system/ &&
        systemd-sysusers && systemd-tmpfiles --create /usr/lib/tmpfiles.d/actpass.conf &&
        systemctl daemon-reload
}

write_configuration() { # UNIT PORT
    cat >"$1.json" <<END
{ "sandbox": "require", "admin": { "listen": "unix:/run/${1/@/-}/admin.sock" },
  "services": [ { "name": "front", "listen": "0.0.0.0:$2", "role": "server", "echo": true,
    "tls": { "certificate": "certificate.pem", "client_auth": "none",
             "key": "\${env:CREDENTIALS_DIRECTORY}/private_key.pem",
             "key_passphrase_file": "credential:private_passphrase" } } ] }
END
}

answers() { # PORT
    local said=
    coproc openssl s_client -quiet -connect "127.0.0.1:$1" 2>/dev/null
    echo hello >&"${COPROC[1]}"
    read -r -t 30 said <&"${COPROC[0]}"
    kill "$COPROC_PID" && wait "$COPROC_PID"
    [ "$said" = hello ]
}

property() { # NAME
    systemctl show --property="$1" --value actpass.service
}

# The process has the user and no capability, and can write nowhere but to its own folders.
has_no_rights() {
    local pid
    pid=$(property MainPID)
    [ "$(ps -o user= -p "$pid")" = actpass ] &&
        grep -q '^CapBnd:[[:space:]]*0*$' "/proc/$pid/status" &&
        grep -q '^NoNewPrivs:[[:space:]]*1$' "/proc/$pid/status" &&
        grep -q '^Seccomp:[[:space:]]*2$' "/proc/$pid/status"
}

# One of its threads: the system calls for that are not refused.
accepts_in_batches() {
    [ "$(chrt --all-tasks --pid "$(property MainPID)" | grep -c SCHED_BATCH)" = 1 ]
}

# Of the user and the group of the service, and nobody else.
has_sockets() {
    [ "$(stat -c '%U %G %a' /run/actpass/admin.sock /run/actpass-other/admin.sock | uniq)" = \
        'actpass actpass 660' ]
}

reloads() {
    systemctl reload actpass.service &&
        [ "$(property StatusText)" = 'accepts connections; the configuration was loaded again' ]
}

restart_with() { # SETTING
    mkdir -p /etc/systemd/system/actpass.service.d &&
        printf '[Service]\n%s\n' "$1" >/etc/systemd/system/actpass.service.d/test.conf &&
        systemctl daemon-reload && systemctl restart actpass.service
}

# It is idle for longer than the watchdog waits.
is_fed() {
    restart_with WatchdogSec=3s && sleep 5 && [ "$(property NRestarts)" = 0 ] && [ "$(property ActiveState)" = active ]
}

is_restarted_when_it_hangs() {
    local tries
    kill -STOP "$(property MainPID)" || return
    for ((tries = 0; tries < 300; tries++)); do
        [ "$(property NRestarts)" = 1 ] && [ "$(property ActiveState)" = active ] && return
        sleep 0.1
    done
    return 1
}

stops() {
    systemctl stop actpass.socket actpass.service actpass@other.service &&
        [ "$(property ActiveState) $(property Result)" = 'inactive success' ]
}

# With the credentials, or it would have found something wrong.
was_checked_before() {
    journalctl --no-pager --unit=actpass.service | grep -q 'actpass.json: the configuration is good'
}

# LimitNPROC counts the threads of both units, which have one user. (TasksMax needs a cgroup that
# containers often lack.)
threads_are_limited() {
    local threads
    threads=$(ps -L -o lwp= -u actpass | wc -l)
    ! restart_with "LimitNPROC=$((threads - 3))" || return
    systemctl stop actpass.service
    journalctl --no-pager --unit=actpass.service | grep -q 'raise the limit of processes (ulimit -u, TasksMax)' &&
        restart_with "LimitNPROC=$threads"
}

wrong_configuration_is_not_retried() {
    echo '{}' >/etc/actpass/actpass.json
    ! systemctl start actpass.service && sleep 1 &&
        [ "$(property ActiveState) $(property NRestarts)" = 'failed 0' ]
}

check 'installed' set_up
check 'the socket unit starts' systemctl start actpass.socket
check 'an instance starts' systemctl start actpass@other.service
check 'a connection starts the service on the socket' answers 443
check 'the instance answers' answers 8443
check 'it was checked before the start' was_checked_before
check 'it has no rights' has_no_rights
check 'connections that arrive interrupt nobody' accepts_in_batches
check 'the group may connect to its sockets' has_sockets
check 'reload' reloads
check 'the watchdog is fed' is_fed
check 'the watchdog restarts what hangs' is_restarted_when_it_hangs
check 'it answers after that' answers 443
check 'too few threads are named' threads_are_limited
check 'as many as it had at rest are enough' answers 443
check 'stop' stops
check 'a wrong configuration is not tried again' wrong_configuration_is_not_retried
[ "$failed" -eq 0 ] || journalctl --no-pager --unit='actpass*' | tail -n 60
echo "$passed passed, $failed failed"
