#!/usr/bin/env bash
# Installs the ClickHouse engine of the dev stack into the user's cache, which all clones share. Does nothing when it is
# there. npm checks what it fetches against package-lock.json.
set -euo pipefail
cd "$(dirname "$0")"

version=$(sed -n 's/.*"@chdb\/lib-linux-x64-gnu": "\(.*\)".*/\1/p' package.json)
case "$(uname -s)/$(uname -m)" in
    Linux/x86_64)               package=lib-linux-x64-gnu cache=${XDG_CACHE_HOME:-$HOME/.cache} ;;
    Linux/aarch64|Linux/arm64)  package=lib-linux-arm64-gnu cache=${XDG_CACHE_HOME:-$HOME/.cache} ;;
    Darwin/arm64)               package=lib-darwin-arm64 cache=$HOME/Library/Caches ;;
    Darwin/x86_64)              package=lib-darwin-x64 cache=$HOME/Library/Caches ;;
    *)  echo "engine: no ClickHouse engine is published for $(uname -s) on $(uname -m); use Linux or macOS" >&2
        exit 1 ;;
esac
target=$cache/waspada/engine/$version
library=$target/node_modules/@chdb/$package/libchdb.so

if [ -n "${WASPADA_ENGINE_LIB:-}" ]; then
    [ -r "$WASPADA_ENGINE_LIB" ] && exit 0
    echo "engine: WASPADA_ENGINE_LIB names $WASPADA_ENGINE_LIB, which cannot be read;" >&2
    echo "        unset it to have one installed" >&2
    exit 1
fi
[ -r "$library" ] && exit 0

if ! command -v npm >/dev/null; then
    echo "engine: npm is needed to fetch the ClickHouse engine: install Node.js 20 or later" >&2
    echo "        (Debian: sudo apt-get install nodejs npm)" >&2
    exit 1
fi

echo "engine: fetching ClickHouse $version for $(uname -s) $(uname -m): 178 MB, once; it goes to $target"
mkdir -p "$(dirname "$target")"
work=$(mktemp -d "$target.XXXXXX") # beside the target, so that it appears there whole or not at all
trap 'rm -rf "$work"; [ -z "${ticker:-}" ] || kill "$ticker" 2>/dev/null || true' EXIT
cp package.json package-lock.json "$work/"

if [ -t 1 ]; then # npm shows nothing while it fetches one large package
    ( start=$SECONDS
      while sleep 1; do printf '\rengine: %4d MB unpacked of 570, %d s ' \
          "$(du -sm "$work" 2>/dev/null | cut -f1)" "$((SECONDS - start))"; done ) &
    ticker=$!
fi
quiet=(--no-audit --no-fund --loglevel=error)
if grep -q "node_modules/@chdb/$package\"" package-lock.json; then
    (cd "$work" && npm ci "${quiet[@]}")
else
    echo "engine: package-lock.json has no integrity for $package; taking version $version as the registry states it"
    (cd "$work" && npm install --no-save --no-package-lock "${quiet[@]}" "@chdb/$package@$version")
fi
if [ -n "${ticker:-}" ]; then kill "$ticker"; wait "$ticker" 2>/dev/null || true; ticker=; echo; fi

if [ ! -r "$work/node_modules/@chdb/$package/libchdb.so" ]; then
    echo "engine: npm ended without an error, yet brought no libchdb.so; a musl system such as Alpine is not served" >&2
    exit 1
fi
rm -rf "$target"
mv "$work" "$target"
echo "engine: installed"
