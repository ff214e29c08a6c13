# Sourced by scripts that run their tests under a real systemd, which systemd-nspawn boots. The caller
# sets `work`, a folder that it removes at the end, and is in a mount namespace of its own. Needs root.

# Boots an overlay of a root, of which nothing stays, and runs a command in it when the system is up.
# The sources are at /src, and the output of the command is shown. It has a network of its own.
boot() { # ROOT COMMAND OPTION...: options of systemd-nspawn
    local root=$1 command=$2
    shift 2
    mkdir -p "$work/overlay" "$work/out" && mount -t tmpfs none "$work/overlay" &&
        mkdir "$work/overlay/"{upper,work,root} && mount -t overlay overlay "$work/overlay/root" \
        -o "lowerdir=$root,upperdir=$work/overlay/upper,workdir=$work/overlay/work" || return
    cat >"$work/tests.service" <<END
[Unit]
Description=The tests
After=basic.target
[Service]
ExecStart=$command
ExecStopPost=/bin/sh -c 'systemctl --no-block poweroff 2>/dev/null'
StandardOutput=append:/out/log
StandardError=inherit
END
    timeout -k 5 300 systemd-nspawn --quiet --register=no --keep-unit --private-network \
        --system-call-filter='landlock_create_ruleset landlock_add_rule landlock_restrict_self' \
        --directory="$work/overlay/root" --machine=actpass-test --bind-ro="$PWD:/src" \
        --bind="$work/out:/out" --bind-ro="$work/tests.service:/etc/systemd/system/tests.service" \
        "$@" --boot -- systemd.unit=tests.service >"$work/console" 2>&1 </dev/null
    cat "$work/out/log" || tail -n 30 "$work/console"
    leave_booted
    tail -n 1 "$work/out/log" | grep -q '^[1-9][0-9]* passed, 0 failed$'
}

# Also to be called when the script ends.
leave_booted() {
    ! mountpoint -q "$work/overlay/root" || umount "$work/overlay/root"
    ! mountpoint -q "$work/overlay" || umount "$work/overlay"
}
