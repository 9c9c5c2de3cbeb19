# lab.sh: real peers through real boxes and relays, in networks of their own.
# shellcheck shell=bash

LAB_TARGETS=(tools/holdfast tests/lab/lab_link)

run_lab() {
    python3 tests/lab/lab.py --quick --table build/lab.md
}

step_lab() {
    need "${PACKAGES_LAB[@]}"
    check build-lab configure_and_compile test "${LAB_TARGETS[@]}" || return 1
    (logged lab run_lab)
    local status=$? log=build/logs/lab.log counts
    counts=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' "$log" | tail -n 1)
    # shellcheck disable=SC2086 # three numbers
    tally ${counts:-0 1 0}
    grep '^skipped: ' "$log" | sed 's/^/   /'
    ((status == 0)) || show_lab_failures "$log"
}

show_lab_failures() {
    printf '   --- failures in %s\n' "$1"
    grep -E -A 4 '^(FAILED|Traceback)' "$1" | head -n 80 | sed 's/^/   | /'
}
