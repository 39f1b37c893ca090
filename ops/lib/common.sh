# Shared by the commands in ops/: where the tree is, and what has to be installed. Sourced, never run.

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

say() { printf '%s\n' "$*"; }
step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Checks that a Swift toolchain of at least 6.2 is there: the one thing that is not installed here.
require_swift() {
    command -v swift >/dev/null 2>&1 || die "no Swift toolchain found. Postern needs Swift 6.2 or newer: install it from
https://www.swift.org/install/linux/ and put its bin folder on PATH, then run this again."
    local version
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
    [ -n "$version" ] || die "'swift --version' names no version; is the toolchain complete?"
    local major=${version%%.*} minor=${version#*.}
    [ "$major" -gt 6 ] || { [ "$major" -eq 6 ] && [ "$minor" -ge 2 ]; } ||
        die "Swift $version is too old; Postern needs 6.2 or newer (https://www.swift.org/install/linux/)."
}

# Installs the Debian packages that are missing, and says which; does nothing when all are there.
require_packages() {
    local missing=()
    for package in "$@"; do
        [ "$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null)" = "install ok installed" ] || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "Installing ${missing[*]}"
    local sudo=
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null 2>&1 || die "these Debian packages are missing and you are not root: ${missing[*]}
Install them with: apt-get install ${missing[*]}"
        sudo=sudo
    fi
    $sudo apt-get update -qq >/dev/null
    # Only the programs are wanted: no package may start its service (Debian's policy-rc.d, for the time of the call).
    local policy=/usr/sbin/policy-rc.d
    local has_policy=yes
    [ -e $policy ] || { has_policy=no; printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null; $sudo chmod +x $policy; }
    local status=0
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
        status=$?
    [ $has_policy = yes ] || $sudo rm -f $policy
    [ $status -eq 0 ] || die "apt-get could not install: ${missing[*]}"
}

# Installs Python packages that are missing into a folder of our own, $root/.build/python; tests look for programs there.
require_python() {
    local folder=$root/.build/python missing=()
    [ -x "$folder/bin/python3" ] || python3 -m venv "$folder"
    for package in "$@"; do
        "$folder/bin/python3" -c 'import sys; from importlib.metadata import version; version(sys.argv[1])' \
            "${package%%[=<>]*}" 2>/dev/null || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "Installing ${missing[*]} (Python)"
    "$folder/bin/python3" -m pip install --quiet --disable-pip-version-check "${missing[@]}" ||
        die "pip could not install: ${missing[*]}"
}

# Waits until a command succeeds, at most the given number of seconds.
wait_for() {
    local seconds=$1 what=$2
    shift 2
    local end=$((SECONDS + seconds))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || die "waited $seconds s in vain for $what"
        sleep 0.05
    done
}

# Names a TCP port of the loopback interface that is free just now.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
