# Everything a newcomer needs: `make demo` runs the whole hub on this machine, `make test` proves it.
# Each target does its own set-up and says what is missing and how to get it.

SHELL       := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c

GO          ?= go
# Gin can carry MessagePack; the hub does not speak it.
TAGS        := -tags nomsgpack
TEST_LIMIT  ?= 15m
TEST_FLAGS  ?=
FAULTS      ?= .
SOAK        ?= 1h
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

# $(call need,PROGRAM,WHAT FOR,HOW) stops with a clear word when a program is missing.
need = @command -v $(1) >/dev/null || \
    { printf '%s\n' "$(1) is missing: it is needed $(2)." "Get it with: $(3)" >&2; exit 1; }

.DEFAULT_GOAL := help
.PHONY: help build engine kafka-jars demo test test-kafka test-cluster test-kill test-faults test-soak console console-tools bench bench-full bench-tools bench-table lint fmt clean need-go need-python

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: need-go ## build bin/waspadad, bin/waspada and bin/devstack
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath $(TAGS) -o bin/ ./cmd/...

engine: ## install the ClickHouse engine of the dev stack (once, 178 MB, into your cache)
	@deploy/engine/install.sh

demo: build engine ## run the whole hub on this machine with a synthetic national set; Ctrl-C stops it
	@bin/devstack demo

test: need-go need-python engine console-tools ## run all tests on the dev stack (TEST_FLAGS=-race, TEST_LIMIT=15m)
	$(GO) test $(TAGS) -timeout $(TEST_LIMIT) $(TEST_FLAGS) ./...

# Each package starts a broker of its own, so those without a word to Kafka are left out, and few run side by side.
test-kafka: need-go need-python engine kafka-jars ## run the tests that rest on Kafka on Apache Kafka 4, and those about it
	users=$$(git grep --untracked -lE '(testkit\.(Kafka|Topic|OwnApache)|hubtest\.Start)\(' -- internal pkg cmd ':!internal/console'); \
	    WASPADA_TEST_KAFKA=apache $(GO) test $(TAGS) -p 2 -timeout $(TEST_LIMIT) $(TEST_FLAGS) \
	    $$(for file in $$users; do echo "./$$(dirname "$$file")"; done | sort -u)

# The packages whose tests store something, other than those of the engine itself.
test-cluster: need-go need-python engine ## run the tests that use ClickHouse on a cluster of two shards
	WASPADA_TEST_CLICKHOUSE=cluster $(GO) test $(TAGS) -timeout $(TEST_LIMIT) $(TEST_FLAGS) \
	    $$(grep -rlE 'testkit\.(Own)?(ClickHouse|Shards|Database)|hubtest\.Start' --include '*_test.go' \
	        --exclude-dir devstack --exclude-dir console . | xargs -n 1 dirname | sort -u)

test-kill: need-go engine ## kill -9 the daemon 20 times under 200,000 events; stop ClickHouse for 60 s
	$(GO) test $(TAGS) -count 1 -v -timeout $(TEST_LIMIT) -run 'Kill|Stopped' ./internal/e2e -kills 20 -events 200000 -outage 60s

# FAULTS=Link plays the scenarios whose names match. The table also goes to bin/faults.md.
test-faults: need-go engine kafka-jars ## break the hub in every way we know, in the long form (45 minutes)
	@mkdir -p bin
	WASPADA_TEST_KAFKA=apache WASPADA_TEST_LONG=1 WASPADA_FAULTS_TABLE=$(CURDIR)/bin/faults.md \
	    $(GO) test $(TAGS) -count 1 -v -timeout 120m -run '$(FAULTS)' ./internal/faults
	WASPADA_TEST_LONG=1 $(GO) test $(TAGS) -count 1 -v -timeout 10m -run OverloadIsShed ./internal/e2e
	WASPADA_TEST_LONG=1 $(GO) test $(TAGS) -count 1 -timeout 60m ./pkg/fraud ./internal/index ./internal/api ./internal/partners

test-soak: need-go engine kafka-jars ## a random fault every minute for an hour (SOAK=1h)
	WASPADA_TEST_KAFKA=apache WASPADA_TEST_LONG=1 $(GO) test $(TAGS) -count 1 -v -timeout 150m -run OneFaultAfterTheOther \
	    ./internal/faults -soak $(SOAK)

kafka-jars: ## install Apache Kafka for test-kafka (once, 44 MB, with Maven; as root on Debian, Java and Maven, too)
	@deploy/kafka/install.sh

console: ## build the web console into internal/console/dist, which is kept in the repository
	@internal/console/web/install.sh
	cd internal/console/web && node build.mjs

# Chromium too, as root on Debian; elsewhere it says what is missing.
console-tools:
	@internal/console/web/install.sh browser

# Results go to benchmarks/results and from there to the tables of benchmarks/README.md. The first line compares look-ups,
# the second runs Go's benchmarks, which keep their rows themselves.
GOALS := 'Middleware|Rivals|FalsePositives|Ingest|PublishToVisible|Growth|Trends'
BENCH := WASPADA_BENCH_RESULTS=$(CURDIR)/benchmarks/results
bench: need-go engine bench-tools ## compare the hub with what one would pick instead (10 minutes, Linux)
	$(GO) build $(TAGS) -o bin/bench ./benchmarks/bench
	$(BENCH) bin/bench run
	$(BENCH) $(GO) test $(TAGS) -run '^$$' -bench $(GOALS) -benchtime 1x -timeout 60m -p 1 ./benchmarks ./internal/index
	@$(MAKE) --no-print-directory bench-table

bench-full: need-go engine bench-tools kafka-jars ## the same for longer, and with 10 million indicators (an hour)
	$(GO) build $(TAGS) -o bin/bench ./benchmarks/bench
	$(BENCH) bin/bench run --rounds 9 --during 3s
	$(BENCH) bin/bench run --rounds 5 --during 2s --size 10000000
	$(BENCH) WASPADA_TEST_LONG=1 $(GO) test $(TAGS) -run '^$$' -bench . -benchtime 1x -timeout 120m ./benchmarks
	$(BENCH) WASPADA_TEST_LONG=1 WASPADA_TEST_KAFKA=apache $(GO) test $(TAGS) -run '^$$' -bench 'PublishToVisible|Ingest' -benchtime 1x \
	    -timeout 30m ./benchmarks
	$(BENCH) $(GO) test $(TAGS) -run '^$$' -bench 'Rivals|FalsePositives' -benchtime 1x -timeout 30m ./internal/index
	@$(MAKE) --no-print-directory bench-table

bench-tools: ## install what the hub is compared with, from Debian's packages, as root; or say what is missing
	@benchmarks/tools.sh

bench-table: need-go ## make the tables of benchmarks/README.md from benchmarks/results
	@$(GO) run $(TAGS) ./benchmarks/bench table benchmarks/README.md benchmarks/results

lint: need-go ## check format, vet and staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	    [ -z "$$unformatted" ] || { printf 'not formatted, run make fmt:\n%s\n' "$$unformatted" >&2; exit 1; }
	$(GO) vet $(TAGS) ./...
	$(GO) run $(STATICCHECK) $(TAGS) ./...

fmt: need-go ## format the Go code
	@gofmt -w $$(git ls-files -co --exclude-standard '*.go')

clean: ## remove what build and demo made here, with the demo's data
	rm -rf bin .waspada

need-go:
	$(call need,$(GO),to build the hub (1.26 or later),sudo apt-get install golang-go  or https://go.dev/dl)
	@# From 1.21 on, Go fetches the release that go.mod asks for by itself.
	@printf '%s\n' go1.21 "$$(GOTOOLCHAIN=local $(GO) version | cut -d' ' -f3)" | sort -V -C || \
	    { echo "$$($(GO) version) is too old: the hub needs Go 1.21 or later, see https://go.dev/dl" >&2; exit 1; }

# Only the engine's installation needs npm: it asks for it itself, and only when the engine is not there yet.
need-python:
	$(call need,python3,by the tests (3.9 or later),sudo apt-get install python3)
