# build.sh: the kinds of build, each in build/<kind>.
# shellcheck shell=bash

# Where Debian's llvm-14 has it; without it reports name no lines.
export ASAN_SYMBOLIZER_PATH=/usr/lib/llvm-14/bin/llvm-symbolizer
export UBSAN_SYMBOLIZER_PATH=$ASAN_SYMBOLIZER_PATH

# The meson options of a kind.
build_options() {
    local sanitize=("-Db_sanitize=address,undefined" -Db_lundef=false -Dbuildtype=debugoptimized)
    case $1 in
    release) printf '%s\n' -Dbuildtype=release -Dtests=false ;;
    test) printf '%s\n' -Dbuildtype=release -Dwerror=true ;;
    sanitize) printf '%s\n' "${sanitize[@]}" -Dwerror=true ;;
    fuzz) printf '%s\n' "${sanitize[@]}" -Dtests=false -Dfuzzing=true ;;
    coverage) printf '%s\n' -Dbuildtype=debug -Doptimization=1 -Db_coverage=true ;;
    *) fail "there is no build '$1'" ;;
    esac
}

configure() {
    local kind=$1 options
    [[ -f build/$kind/build.ninja ]] && return 0
    mapfile -t options < <(build_options "$kind")
    case $kind in
    sanitize | fuzz) CC=clang CXX=clang++ meson setup "build/$kind" "${options[@]}" ;;
    *) CC=gcc CXX=g++ meson setup "build/$kind" "${options[@]}" ;;
    esac
}

# configure_and_compile KIND [target]…
configure_and_compile() {
    local kind=$1
    shift
    configure "$kind" && ninja -C "build/$kind" "$@"
}

# The same, and ends the command where it fails.
build() {
    say "building build/$1"
    logged "build-$1" configure_and_compile "$@" || {
        tail -n 40 "build/logs/build-$1.log" >&2
        fail "build/$1 could not be built; see build/logs/build-$1.log"
    }
}

fuzz_targets() {
    find build/fuzz/fuzz -maxdepth 1 -type f -name 'fuzz_*' -perm -u+x -printf '%f\n' | sed 's/^fuzz_//' | sort
}

# Fuzzes one target; what it finds is kept beside the corpus of the repository, which is not changed.
fuzz() {
    local target=$1 seconds=$2
    mkdir -p "build/fuzz/found/$target" build/fuzz/crashes
    "build/fuzz/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/crashes/$target-" "build/fuzz/found/$target" "fuzz/corpus/$target"
}

coverage_report() {
    mkdir -p build/coverage/html
    gcovr --root . --object-directory build/coverage --filter 'src/' --exclude-unreachable-branches --print-summary \
        --html-details build/coverage/html/index.html "$@"
}
