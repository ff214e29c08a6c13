# Sourced by the scripts that test by running commands. The caller sets `work`, a folder for the output.
passed=0 failed=0

check() { # NAME COMMAND...
    local name=$1
    shift
    if "$@" >"$work/output" 2>&1; then
        echo "ok   $name"
        passed=$((passed + 1))
    else
        echo "FAIL $name: $*"
        tail -n 30 "$work/output"
        failed=$((failed + 1))
    fi
}
