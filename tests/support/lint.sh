#!/usr/bin/env bash
# clang-format, clang-tidy and cppcheck over the whole tree: lint.sh BUILD
# BUILD is the variant's folder with generated headers and, unless it lies at the top, the
# compile_commands.json. LINT_BRIEF=1 leaves out clang-tidy of the tests. `scons check` calls this.
# The last line is `N passed, N failed`.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$1
database=$build
[ -f "$database/compile_commands.json" ] || database=.
passed=0 failed=0

# Says what a check came to. A missing tool is a failure, not a pass.
check() { # NAME COMMAND...
    local name=$1
    shift
    if ! command -v "$1" >/dev/null; then
        echo "FAIL $name: $1 is not installed (apt-get install $1)"
        failed=$((failed + 1))
    elif "$@"; then
        echo "ok   $name"
        passed=$((passed + 1))
    else
        echo "FAIL $name"
        failed=$((failed + 1))
    fi
}

# Two at a time, one file each: with several, version 14 takes a va_list for uninitialised. Only
# what is found is shown, not the counts of what is suppressed.
tidy() { # OPTION... -- FILE...
    local options=()
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    printf '%s\n' "$@" |
        xargs -P 2 -n 1 clang-tidy --quiet -p "$database" "${options[@]}" 2>&1 |
        grep -vE '^[0-9 ]*warnings? (and [0-9]+ errors? )?generated\.$|^$'
    return "${PIPESTATUS[1]}"
}

# Library calls with hidden shared state, which must not occur in code that many threads enter.
# A successor sets its environment before any other thread looks at it.
thread_safe() {
    local names='localtime|gmtime|ctime|asctime|strtok|inet_ntoa|gethostbyname|rand|setenv|putenv'
    ! grep -nE "\\b($names) *[(]" -r config relay server --include='*.[ch]' |
        grep -v '^server/daemon/successor\.c:.* setenv('
}

# What clang-format 14 cannot enforce: `!pointer`, not `pointer == NULL`; `sizeof(x)`, not
# `sizeof x`; no line over 100 columns, comments included.
one_style() {
    ! grep -nE '[!=]= NULL|\bsizeof [^(]|.{101}' "${all[@]}" config/*.inc
}

# `if (x = f())`, `while ((x = f()) > 0)`: a condition only asks.
no_assignment() {
    # Not a '=' inside of quotes.
    ! grep -nE '\b(if|while) \(.*[^=!<>]=[^=]' -r config relay server examples --include='*.[ch]' |
        grep -vE "'='|\"[^\"]*=[^\"]*\""
}

mapfile -t all < <(find config relay server tests examples -name '*.[ch]' | sort)
mapfile -t sources < <(find config relay server examples tests/support -name '*.c' | sort)
mapfile -t tests < <(find tests/unit tests/torture -name '*.c' | sort)
# The compile database has those whose TLS library is installed; the others cannot be compiled.
for file in tests/interop/*.c; do
    if grep -q "\"file\": \"$file\"" "$database/compile_commands.json"; then
        sources+=("$file")
    else
        echo "no clang-tidy of $file: .ci/install.sh interop"
    fi
done
# The analyzer follows paths until a function's graph has so many nodes (its own default is 225 000,
# which takes three minutes more of a full run; ANALYZER_NODES=225000 scons check, before a release).
# Not on tests, of which the sanitizers run every line, and where each assertion branches. Without
# the analyzer clang's own warnings come through, which -Werror makes errors: gcc judges those.
usual=()
for word in -Xclang -analyzer-config -Xclang "max-nodes=${ANALYZER_NODES:-20000}"; do
    usual+=("--extra-arg=$word")
done

check clang-format clang-format --dry-run -Werror "${all[@]}"
if command -v clang-tidy >/dev/null; then
    check clang-tidy tidy "${usual[@]}" -- "${sources[@]}"
    [ -n "${LINT_BRIEF:-}" ] || check 'clang-tidy of tests' \
        tidy '--checks=-clang-analyzer-*' --extra-arg=-Wno-error -- "${tests[@]}"
else
    check clang-tidy clang-tidy
fi
# Criterion's macros, for a reader that does not follow system headers.
macros=('-DTest(s,n,...)=void s##_##n(void)' '-DTestSuite(s,...)=int suite_##s'
    '-DParameterizedTest(p,s,n,...)=void s##_##n(p)'
    '-DParameterizedTestParameters(s,n)=struct criterion_test_params s##_##n##_params(void)')
check cppcheck cppcheck --quiet --std=c11 --enable=warning,performance,portability \
    --error-exitcode=1 --inline-suppr --suppressions-list=tests/support/cppcheck.txt \
    --template='{file}:{line}: {id}: {message}' -j 2 -D_GNU_SOURCE "${macros[@]}" -I. -I"$build" \
    "${all[@]}"
check 'includes point down' tests/support/includes.py
check 'tests are named after modules' tests/support/test_names.py
check 'schema and KEYS.md come from the key table' \
    config/reference.py --program "$build/actpass" --check
check 'COMING_FROM.md comes from the tables of the converter' \
    config/coming_from.py --program "$build/actpass" --check
check 'the version script has the functions of the headers' tests/support/abi.py
check 'one style' one_style
check 'no assignment inside a condition' no_assignment
check 'no call that threads cannot share' thread_safe
check 'shell syntax' bash -n tests/run.sh tests/support/*.sh .ci/*.sh
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
