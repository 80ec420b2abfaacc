#!/usr/bin/env bash
# Installs Apache Kafka for `make test-kafka` into the user's cache, which all clones share. Does nothing when it is
# there. Maven takes the releases that pom.xml pins. Java and Maven are installed, too, where they are missing and that
# is ours to do: as root, with apt-get.
set -euo pipefail
cd "$(dirname "$0")"

version=$(sed -n 's:^  <version>\(.*\)</version>$:\1:p' pom.xml)
if [ "$(uname -s)" = Darwin ]; then cache=$HOME/Library/Caches; else cache=${XDG_CACHE_HOME:-$HOME/.cache}; fi
target=$cache/waspada/kafka/$version

# Kafka 4 runs on Java 17 or later.
java_will_do() {
    local have
    have=$(java -XshowSettings:properties -version 2>&1 | sed -n 's/.*java.specification.version = \([0-9]*\).*/\1/p') &&
        [ "${have:-0}" -ge 17 ]
}

jars_are_there() { [ -r "$target/libs/kafka-tools-$version.jar" ]; }

# require PROGRAM-IS-THERE WHAT PACKAGE... installs the first of the packages that this Debian has.
require() {
    local there=$1 what=$2 package
    shift 2
    $there && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "kafka: installing $what"
        apt-get update -qq
        for package in "$@"; do
            if [ -n "$(apt-cache madison "$package")" ]; then
                DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends -y "$package" >/dev/null
                $there && return
            fi
        done
    fi
    echo "kafka: $what is needed to fetch and run Apache Kafka" >&2
    echo "       (Debian: sudo apt-get install $1)" >&2
    exit 1
}
maven_is_there() { command -v mvn >/dev/null; }

require java_will_do "Java 17 or later" openjdk-17-jre-headless openjdk-21-jre-headless default-jre-headless
if ! jars_are_there; then
    require maven_is_there Maven maven
    echo "kafka: fetching Apache Kafka $version: 44 MB, once; it goes to $target"
    mkdir -p "$(dirname "$target")"
    work=$(mktemp -d "$target.XXXXXX") # beside the target, so that it appears there whole or not at all
    trap 'rm -rf "$work"' EXIT
    mvn --quiet --batch-mode -Dstyle.color=never --file pom.xml \
        dependency:copy-dependencies -DoutputDirectory="$work/libs"
    rm -rf "$target"
    mv "$work" "$target"
    echo "kafka: installed"
fi

# Java's archive of the classes that a broker loads: with it a broker starts in a third of the time. It fits this very
# Java and these very files, so it is made here, by a broker that starts and stops; without it all works, slower.
archive=$target/classes.jsa
archive_fits() { java -Xshare:on -XX:SharedArchiveFile="$archive" -cp "$target/libs/*" -version >/dev/null 2>&1; }
make_archive() {
    local try port
    work=$(mktemp -d)
    trap 'rm -rf "$work"; [ -z "${broker:-}" ] || kill -9 "$broker" 2>/dev/null || true' EXIT
    port=$((20000 + RANDOM % 6000 * 2))
    cat >"$work/server.properties" <<-END
		process.roles=broker,controller
		node.id=0
		controller.quorum.voters=0@127.0.0.1:$((port + 1))
		listeners=CLIENT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
		listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT
		inter.broker.listener.name=CLIENT
		controller.listener.names=CONTROLLER
		log.dirs=$work/data
	END
    cd "$work" # where a broker without settings of its own puts its log
    java -cp "$target/libs/*" kafka.tools.StorageTool format -t AAAAAAAAAAAAAAAAAAAAAA -c server.properties >log 2>&1
    java -XX:+UseSerialGC -XX:ArchiveClassesAtExit="$work/classes.jsa" -cp "$target/libs/*" \
        kafka.Kafka server.properties >>log 2>&1 &
    broker=$!
    for try in $(seq 300); do
        (: </dev/tcp/127.0.0.1/$port) 2>/dev/null && break
        sleep 0.1
    done
    kill "$broker"
    wait "$broker" || true
    broker=
    [ -r classes.jsa ] && mv classes.jsa "$archive"
}
if ! archive_fits; then
    echo "kafka: teaching Java to start it faster"
    make_archive && archive_fits || echo "kafka: could not; brokers take a few seconds longer to start" >&2
fi
