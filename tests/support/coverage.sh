#!/usr/bin/env bash
# Line coverage of relay/, config/ and server/: coverage.sh BUILD
# BUILD holds variant coverage, and what its tests have counted. Fails under 90 %.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$1
min_percent=90
if ! command -v gcovr >/dev/null; then
    echo "gcovr is not installed (apt-get install gcovr)"
    exit 1
fi
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
