#!/usr/bin/env bash
# Installs what the hub is held against, from Debian's packages, where it is missing and we are root; otherwise says what
# is missing. The benchmarks leave out what is not there, and say so.
set -euo pipefail

# $1 package, then programs of which one is enough
wanted() {
    local package=$1 name; shift
    for name in "$@"; do
        if command -v "$name" >/dev/null || compgen -G "$name" >/dev/null; then return; fi
    done
    missing+=("$package")
}
missing=()
wanted redis-server redis-server
wanted postgresql '/usr/lib/postgresql/*/bin/initdb' initdb
wanted rbldnsd rbldnsd /usr/sbin/rbldnsd
wanted crowdsec crowdsec
[ ${#missing[@]} -gt 0 ] || exit 0

how="apt-get install --no-install-recommends ${missing[*]}"
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    printf 'not compared, because they are not installed: %s\n  get them with: sudo %s\n' "${missing[*]}" "$how" >&2
    exit 0
fi
# Nothing that is installed shall start by itself: the benchmarks start their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq || true
for package in "${missing[@]}"; do
    # A package whose set-up fails, as CrowdSec's does where it cannot reach its central service, has its programs all the same.
    apt-get install -qq -y --no-install-recommends "$package" >/dev/null ||
        printf 'apt-get did not set it up; it is compared if its programs are there: %s\n' "$package" >&2
done
