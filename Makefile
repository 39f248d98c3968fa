# make run    build everything and start it with a simulated fleet
# make test   every check and test there is; installs or names what is missing
SHELL := /bin/bash

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# The version is given here, so Go need not ask git, which fails in some clones.
export GOFLAGS := $(GOFLAGS) -buildvcs=false

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
WEB_SOURCES := $(shell find web -type f \
	-not -path 'web/node_modules/*' -not -path 'web/dist/*' -not -path 'web/e2e/*')

.PHONY: run build web test lint lint-go lint-web test-go test-web test-e2e fuzz bench soak deps clean

run: build
	./bin/dray serve --demo

build: web
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/dray ./cmd/dray

web: web/dist/app/index.html

web/node_modules/.installed: web/package.json web/package-lock.json
	cd web && npm ci --no-audit --no-fund
	touch $@

web/dist/app/index.html: web/node_modules/.installed $(WEB_SOURCES)
	cd web && npm run build
	touch $@

# What the tests need besides Go and Node.
deps:
	scripts/deps.sh

test: deps build
	scripts/test.sh lint-go lint-web test-go test-web test-e2e

lint: lint-go lint-web

lint-go: web
	@unformatted=$$(find . -name '*.go' -not -path './web/node_modules/*' | xargs gofmt -l); \
	if [ -n "$$unformatted" ]; then echo "gofmt -w is needed for:" $$unformatted; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...

lint-web: web/node_modules/.installed
	cd web && npm run typecheck && npm run lint

test-go: web
	go test -race -timeout 15m ./...

test-web: web/node_modules/.installed
	cd web && npm test

test-e2e: export CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
test-e2e: build
	cd web && npm run e2e

# The program without the web pages, unless they are built: takes Go alone.
.PHONY: plain
plain:
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/dray-plain ./cmd/dray

# Break dray on purpose and check what it promises: docs/reliability.md.
.PHONY: chaos
chaos: plain
	./bin/dray-plain chaos

# Upgrade from another version, the last tag, under load; needs the history (CI clones may be shallow).
.PHONY: upgrade
PREVIOUS := $(shell git describe --tags --abbrev=0 HEAD^ 2>/dev/null || echo a4ee945)
upgrade: plain
	scripts/upgrade.sh $(PREVIOUS) bin/dray-plain

# Every fuzz target, FUZZTIME each.
FUZZTIME := 60s
fuzz:
	scripts/fuzz.sh $(FUZZTIME)

# dray beside mosquitto, mochi and Socket.IO: servers on core 0, the load on core 1.
# BENCH adds flags: BENCH='-only publish,latency -rounds 3'; see docs/benchmarks.md.
bench: build
	go build -o bin/bench ./bench
	cd bench/socketio && npm ci --no-audit --no-fund
	taskset -c 1 bin/bench $(BENCH)

# What the web pages cost a browser's main thread; WEB_MINUTES is how long the dashboard is watched.
.PHONY: bench-web
WEB_MINUTES := 3
bench-web: export CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
bench-web: build
	cd web && npm run bench -- $(WEB_MINUTES)

# The real binary under a random fleet for SOAK; fails when anything grows.
# SOAK_FLAGS adds to it: -clients, -rate, -csv FILE, -plot FILE.
SOAK := 10m
soak: build
	go run ./bench/soak -for $(SOAK) $(SOAK_FLAGS)

clean:
	rm -rf bin web/dist/app web/node_modules
