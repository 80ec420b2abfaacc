#!/usr/bin/env bash
# Installs what the console is built and tested with: the npm packages that package-lock.json pins, into the user's cache,
# which all clones share, and with "install.sh browser" also Chromium where there is none and that is ours to do: as root
# on Debian, with apt-get. Does nothing for what is there.
set -euo pipefail
cd "$(dirname "$0")"

if ! command -v npm >/dev/null; then
    echo "console: npm is needed: install Node.js 20 or later" >&2
    echo "         (Debian: sudo apt-get install nodejs npm)" >&2
    exit 1
fi
if [ "$(uname -s)" = Darwin ]; then cache=$HOME/Library/Caches; else cache=${XDG_CACHE_HOME:-$HOME/.cache}; fi
version=$(cat package.json package-lock.json | node -e '
    process.stdout.write(crypto.createHash("sha256").update(fs.readFileSync(0)).digest("hex").slice(0, 16))')
target=$cache/waspada/console/$version-$(uname -s)-$(uname -m)

if [ ! -d "$target/node_modules" ]; then
    echo "console: fetching the npm packages of the console: 12 MB, once; they go to $target"
    mkdir -p "$(dirname "$target")"
    work=$(mktemp -d "$target.XXXXXX") # beside the target, so that it appears there whole or not at all
    trap 'rm -rf "$work"' EXIT
    cp package.json package-lock.json .npmrc "$work/"
    (cd "$work" && npm ci --loglevel=error)
    mv -T "$work" "$target" 2>/dev/null || mv "$work" "$target" || [ -d "$target/node_modules" ]
fi
[ "$(readlink node_modules || true)" = "$target/node_modules" ] || ln -sfn "$target/node_modules" node_modules

browser() {
    local name
    for name in "${WASPADA_CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable; do
        [ -n "$name" ] && command -v "$name" && return
    done
    [ -x "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" ]
}
if [ "${1:-}" = browser ] && ! browser >/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "console: installing Chromium"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends -y chromium fonts-dejavu-core >/dev/null
    fi
    if ! browser >/dev/null; then
        echo "console: Chromium is needed to test the console" >&2
        echo "         (Debian: sudo apt-get install chromium; or set WASPADA_CHROMIUM to one)" >&2
        exit 1
    fi
fi
