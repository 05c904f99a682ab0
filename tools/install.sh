#!/usr/bin/env bash
# Installs what is missing to build, serve and test Switchyard, into .tools/ and node_modules/ of this folder.
#
#   tools/install.sh serve   Rust's wasm32 target, trunk, wasm-bindgen
#   tools/install.sh build   the same, and wasm-opt (the default)
#   tools/install.sh test    the same, and the browser tests' packages and Chromium
#
# A tool of the right version that is already on PATH is used as it is. When nothing is missing it only says so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly TRUNK_VERSION=0.21.14
readonly NODE_MAJOR_MIN=20
root=$(pwd)
export PATH="$root/.tools/bin:$root/node_modules/.bin:$PATH"
installed=0

say() { printf 'install: %s\n' "$*"; }
die() { printf 'install: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# `reports trunk 0.21.14`: is a program of exactly this version on PATH?
reports() { have "$1" && [ "$("$1" --version 2>/dev/null | awk 'NR == 1 { print $2 }')" = "$2" ]; }

# The version that Cargo.lock names for a package.
locked_version() {
    awk -v name="name = \"$1\"" '$0 == name { getline; gsub(/version = |"/, ""); print; exit }' Cargo.lock
}

# A tool is built once, so its own speed matters less than the time it takes: no link-time optimisation.
cargo_install() {
    CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        cargo install --quiet --root .tools --force "$@"
    installed=$((installed + 1))
}

need_rust() {
    local channel sysroot
    channel=$(awk -F'"' '/^channel/ { print $2 }' rust-toolchain.toml)
    have cargo || die "Rust is missing. Install rustup (https://rustup.rs), open a new shell, and run this again."
    if ! sysroot=$(rustc --print sysroot); then
        have rustup || die "cargo is there but rustc does not run. Install Rust $channel with rustup (https://rustup.rs)."
        say "installing Rust $channel, about 2 minutes"
        rustup toolchain install "$channel" --profile minimal --component rustfmt --component clippy \
            || die "rustup could not install Rust $channel, which rust-toolchain.toml asks for."
        installed=$((installed + 1))
        sysroot=$(rustc --print sysroot)
    fi
    if [ ! -d "$sysroot/lib/rustlib/wasm32-unknown-unknown" ]; then
        have rustup || die "Rust's wasm32-unknown-unknown target is missing, and there is no rustup to add it (https://rustup.rs)."
        say "adding Rust's wasm32-unknown-unknown target, a few seconds"
        rustup target add wasm32-unknown-unknown
        installed=$((installed + 1))
    fi
}

need_trunk() {
    reports trunk "$TRUNK_VERSION" && return
    say "building trunk $TRUNK_VERSION, about 5 minutes on two cores (once)"
    cargo_install --locked "trunk@$TRUNK_VERSION"
}

need_wasm_bindgen() {
    local version
    [ -f Cargo.lock ] || die "Cargo.lock is missing: it names the version of wasm-bindgen. Run 'cargo generate-lockfile'."
    version=$(locked_version wasm-bindgen)
    [ -n "$version" ] || die "Cargo.lock names no wasm-bindgen."
    reports wasm-bindgen "$version" && return
    say "building wasm-bindgen $version, about 2 minutes on two cores (once)"
    # Not --locked: the lock file published with this tool does not build.
    cargo_install --bin wasm-bindgen "wasm-bindgen-cli@$version"
}

need_npm_packages() {
    local stamp=node_modules/.package-lock.installed major
    cmp -s package-lock.json "$stamp" && return
    have node || die "Node.js $NODE_MAJOR_MIN or newer is missing (wasm-opt and the browser tests run on it; 'make serve' does not need it)."
    major=$(node -p 'process.versions.node.split(".")[0]')
    [ "$major" -ge "$NODE_MAJOR_MIN" ] || die "Node.js is version $major; $NODE_MAJOR_MIN or newer is needed."
    have npm || die "npm is missing: it comes with Node.js, or as the package 'npm'."
    say "installing wasm-opt, playwright-core and axe-core from npm, about 10 seconds"
    npm ci --silent || die "'npm ci' failed; run it by hand to see why."
    cp package-lock.json "$stamp"
    installed=$((installed + 1))
}

chromium_path() {
    local name
    if [ -n "${CHROMIUM:-}" ]; then
        [ -x "$CHROMIUM" ] || die "CHROMIUM is set to '$CHROMIUM', which cannot be run."
        return 0
    fi
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        have "$name" && return 0
    done
    return 1
}

need_chromium() {
    local by_hand="Install Chromium or Chrome, or set CHROMIUM to its path, and run this again."
    local -a as_root=()
    chromium_path && return
    have apt-get || die "no Chromium for the browser tests, and no apt-get to install it with. $by_hand"
    if [ "$(id -u)" -ne 0 ]; then
        have sudo || die "no Chromium for the browser tests, and neither root nor sudo to install it with. $by_hand"
        as_root=(sudo)
    fi
    say "installing Chromium with apt-get, about 1 minute"
    # ${a[@]+...}: an empty array is an unset variable to older versions of bash.
    ${as_root[@]+"${as_root[@]}"} apt-get update -qq || die "'apt-get update' failed. $by_hand"
    ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends chromium >/dev/null || die "apt-get could not install Chromium. $by_hand"
    chromium_path || die "apt-get installed the package but no Chromium is on PATH. $by_hand"
    installed=$((installed + 1))
}

purpose=${1:-build}
case $purpose in
    serve | build | test) ;;
    *) die "unknown purpose '$purpose': serve, build or test" ;;
esac

need_rust
need_trunk
need_wasm_bindgen
[ "$purpose" = serve ] || need_npm_packages
[ "$purpose" != test ] || need_chromium
[ "$installed" -gt 0 ] || say "nothing missing to $purpose"
