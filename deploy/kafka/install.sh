#!/usr/bin/env bash
# Installs Apache Kafka for `make test-kafka` into the user's cache, which all clones share. Does nothing when it is
# there. Maven takes the releases that pom.xml pins.
set -euo pipefail
cd "$(dirname "$0")"

version=$(sed -n 's:^  <version>\(.*\)</version>$:\1:p' pom.xml)
if [ "$(uname -s)" = Darwin ]; then cache=$HOME/Library/Caches; else cache=${XDG_CACHE_HOME:-$HOME/.cache}; fi
target=$cache/waspada/kafka/$version
[ -r "$target/libs/kafka_2.13-$version.jar" ] && exit 0

if ! command -v mvn >/dev/null || ! command -v java >/dev/null; then
    echo "kafka: Maven and Java 17 or later are needed to fetch and run Apache Kafka" >&2
    echo "       (Debian: sudo apt-get install maven openjdk-17-jre-headless)" >&2
    exit 1
fi
echo "kafka: fetching Apache Kafka $version: 43 MB, once; it goes to $target"
mkdir -p "$(dirname "$target")"
work=$(mktemp -d "$target.XXXXXX") # beside the target, so that it appears there whole or not at all
trap 'rm -rf "$work"' EXIT
mvn --quiet --batch-mode --file pom.xml dependency:copy-dependencies -DoutputDirectory="$work/libs"
rm -rf "$target"
mv "$work" "$target"
echo "kafka: installed"
