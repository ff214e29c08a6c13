#!/usr/bin/env bash
# Line coverage of relay/, config/ and server/: coverage.sh BUILD
# By the unit tests, and by the end-to-end tests of what these cannot reach: the program's start and
# reload, handler http, Redis, Fast Open.
# BUILD holds variant coverage, with its test programs. Fails under 90 %. Whether the tests pass is
# judged by other stages.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$1
min_percent=90
if ! command -v gcovr >/dev/null; then
    echo "gcovr is not installed (apt-get install gcovr)"
    exit 1
fi
export ACTPASS_SANDBOX=off # it would refuse the counters' files at the exit
find "$build" -name '*.gcda' -delete
mapfile -t programs < <(cd tests/unit && ls test_*.c | sed "s|^|$build/tests/|; s|\.c$||")
# Side by side: they mostly wait, and the counters of a program are added up under a lock.
end_to_end() {
    tests/e2e/run.py --again --program "$build/actpass" --jobs 4 test_http test_command_line \
        test_private_files test_redis test_hints test_fast_open 2>&1 | tail -n 1 | sed 's/^/e2e: /'
}
end_to_end &
tests/support/run_tests.py --variant coverage --logs "$build/logs" "${programs[@]}" |
    grep -v '^ok ' | sed 's/^/unit: /'
wait
gcovr --root . --filter relay/ --filter config/ --filter server/ --sort-uncovered \
    --fail-under-line "$min_percent" --html-details "$build/coverage.html" --txt - "$build" |
    tee "$build/coverage.txt"
status=${PIPESTATUS[0]}
echo "line coverage: $(awk '/^TOTAL/ { print $4 }' "$build/coverage.txt")"
if [ "$status" -eq 0 ]; then
    echo '1 passed, 0 failed'
else
    echo "line coverage is under $min_percent %, or gcovr failed (status $status)"
    echo '0 passed, 1 failed'
fi
exit "$status"
