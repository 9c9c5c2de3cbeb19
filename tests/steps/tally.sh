# tally.sh: counting. A step reports what passed, failed and was skipped; all.sh prints the sum.
# shellcheck shell=bash

PASSED=0
FAILED=0
SKIPPED=0

# In CI nothing may be skipped: there a skip is a failure.
tally() {
    local passed=$1 failed=$2 skipped=$3
    if [[ ${CI:-} == true ]]; then
        failed=$((failed + skipped))
        skipped=0
    fi
    PASSED=$((PASSED + passed))
    FAILED=$((FAILED + failed))
    SKIPPED=$((SKIPPED + skipped))
}

print_tally() {
    printf '%d passed, %d failed, %d skipped\n' "$PASSED" "$FAILED" "$SKIPPED"
}

show_log() {
    printf '   --- the end of %s\n' "$1"
    tail -n "${2:-40}" "$1" | sed 's/^/   | /'
}

# check NAME COMMAND…: one thing that passes or fails by its exit status, with its output in build/logs/NAME.log.
check() {
    local name=$1
    shift
    if logged "$name" "$@"; then
        tally 1 0 0
        return 0
    fi
    tally 0 1 0
    printf '   FAILED: %s\n' "$name"
    show_log "build/logs/$name.log"
    return 1
}

skip() {
    tally 0 0 1
    printf '   skipped: %s\n' "$*"
}

# step TITLE FUNCTION: runs a step and shows its time and the tally so far.
step() {
    local start=$SECONDS
    printf '== %s\n' "$1"
    "$2" || true
    printf '   %d s; so far ' $((SECONDS - start))
    print_tally
}
