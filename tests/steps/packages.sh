# packages.sh: what the commands need from Debian, installed only where it is missing.
# shellcheck shell=bash disable=SC2034 # the lists are used by those who source this file

PACKAGES_BUILD=(build-essential meson ninja-build pkg-config libmbedtls-dev libusrsctp-dev libjansson-dev)
PACKAGES_TEST=(libcriterion-dev python3 gcovr libuv1-dev coturn)
PACKAGES_CLANG=(clang libclang-rt-14-dev llvm-14)
PACKAGES_ANALYSIS=(cppcheck clang-tidy shellcheck)
PACKAGES_LAB=(coturn nftables iproute2 openssl util-linux)
PACKAGES_BENCH=(chromium python3-aiortc iproute2 util-linux)
PACKAGES_INTEROP=(chromium firefox-esr python3-aiortc coturn openssl iproute2 util-linux)

say() {
    printf '%s\n' "$*"
}

fail() {
    printf 'run: %s\n' "$*" >&2
    exit 1
}

# Runs a command with its output in build/logs/<name>.log.
logged() {
    local name=$1
    shift
    mkdir -p build/logs
    "$@" >"build/logs/$name.log" 2>&1
}

is_installed() {
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

as_root() {
    if ((EUID == 0)); then
        "$@"
    else
        sudo "$@"
    fi
}

install_packages() {
    export DEBIAN_FRONTEND=noninteractive
    as_root apt-get update -q &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}

# Installs those of the named packages that are missing.
need() {
    local package missing=()
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        fail "this needs Debian's apt-get; elsewhere install what CONTRIBUTING.md lists and use meson"
    fi
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    ((EUID == 0)) || command -v sudo >/dev/null || fail "to install ${missing[*]}, run this as root or install sudo"
    say "installing ${missing[*]}"
    logged packages install_packages "${missing[@]}" || {
        tail -n 20 build/logs/packages.log >&2
        fail "the packages could not be installed; see build/logs/packages.log"
    }
}

# Node.js: whatever is there, otherwise Debian's.
need_node() {
    command -v node >/dev/null || need nodejs
    command -v npm >/dev/null || need npm
}
