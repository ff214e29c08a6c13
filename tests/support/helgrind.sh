#!/usr/bin/env bash
# Runs the program under helgrind while end-to-end tests use it: helgrind.sh BUILD [TEST...]
# Without tests named, also the relay through rings of all sizes, with each driver of the I/O loop
# forced.
# Helgrind sees the locks and threads inside libcrypto, too, which ThreadSanitizer does not
# (hazard 1). Judged by its log files, since the status of a traced child is lost (hazard 41).
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$1
shift
tests=("$@")
[ $# -gt 0 ] || tests=(test_echo_of_more_than_all_buffers_hold__client_13
    test_call_home.BothOnOnePort test_open_connections_may_end test_the_shutdown_timeout_cuts)
logs=$build/logs/helgrind
if ! command -v valgrind >/dev/null; then
    echo "valgrind is not installed (apt-get install valgrind)"
    exit 1
fi
rm -rf "$logs"
mkdir -p "$logs"

cat >"$logs/helgrind" <<EOF
#!/bin/sh
exec valgrind --tool=helgrind --trace-children=yes --history-level=full \\
    --suppressions='$PWD/tests/support/helgrind.supp' --log-file='$PWD/$logs/%p.log' "\$@"
EOF
cat >"$logs/actpass" <<EOF
#!/bin/sh
exec '$PWD/$logs/helgrind' '$PWD/$build/actpass' "\$@"
EOF
chmod +x "$logs/helgrind" "$logs/actpass"

status=0
if [ $# -eq 0 ]; then # approx is faster, and these tests have a timeout
    "$logs/helgrind" --history-level=approx "$build/tests/brief/test_relay_rings" -j2 \
        --filter 'relay_rings/@(relay|conversation|random)_driver_waiting' 2>&1 |
        tee "$logs/torture"
    grep -q 'Passing: 3 ' "$logs/torture" || status=1
fi
# Each connection with a thread of its own: helgrind knows no C11 atomics, by which the crew hands
# tasks from one thread to another. Tests under ThreadSanitizer, which knows them, cover that.
export ACTPASS_SANDBOX=off # valgrind itself would be in it
ACTPASS_BULK_MIB=4 ACTPASS_TEST_PARK=never ACTPASS_PATIENCE_S=240 tests/e2e/run.py --program "$logs/actpass" \
    --jobs 2 --verbose "${tests[@]}" || status=1

shopt -s nullglob
passed=0 failed=0
for log in "$logs"/*.log; do
    if grep -q 'ERROR SUMMARY: 0 errors' "$log"; then
        passed=$((passed + 1))
    else
        echo "FAIL $log"
        head -n 60 "$log"
        failed=$((failed + 1))
    fi
done
[ "$passed" -gt 0 ] || echo "helgrind left no clean log"
if [ "$status" -ne 0 ]; then
    echo "FAIL the tests themselves, under helgrind"
    failed=$((failed + 1))
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
