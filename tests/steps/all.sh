#!/usr/bin/env bash
# Everything that must hold, in order. The last line is the sum; the status is non-zero when anything failed.
set -uo pipefail
cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../.." || exit

source tests/steps/packages.sh
source tests/steps/build.sh
source tests/steps/tally.sh
source tests/steps/programs.sh
source tests/steps/analysis.sh
source tests/steps/install.sh
source tests/steps/lab.sh
source tests/steps/interop.sh

need "${PACKAGES_BUILD[@]}" "${PACKAGES_TEST[@]}" "${PACKAGES_CLANG[@]}" "${PACKAGES_ANALYSIS[@]}"

step "gcc, release: unit, simulation, corpus, headers, tidiness" step_release
step "clang, AddressSanitizer and UndefinedBehaviorSanitizer: the same" step_sanitize
step "libFuzzer, $FUZZ_SECONDS s for each target" step_fuzz
step "static analysis: cppcheck, clang-tidy, shellcheck" step_analysis
step "coverage of src/: at least $COVERAGE_MIN % of lines" step_coverage
step "install, and programs outside of the tree" step_install
step "laboratory: pairs of networks, and their changes" step_lab
step "other stacks: Chromium, Firefox, wrtc, werift, aiortc" step_interop

print_tally
((FAILED == 0))
