# Viaduct. `make demo` shows it, `make test` proves it.

GO        ?= go
BIN       := bin/viaduct
VERSION   := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS   := -s -w -X main.version=$(VERSION)
# Where `make install` puts things, below DESTDIR if that is set. systemd reads units
# from lib/systemd/system of /usr and /usr/local.
PREFIX    ?= /usr/local
UNITDIR   ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
# The linter is a pinned tool in a module of its own, so that what it depends on
# is not what Viaduct depends on.
LINT      := $(GO) tool -modfile=tools/go.mod golangci-lint
# Tests that run whole clusters; they want the machine for themselves.
CLUSTERS  := ./test/e2e/...

.PHONY: all setup build demo demo-down test test-fresh test-attacks unit e2e test-ui ifupdown2 ifupdown2-here test-vm test-vm-quick lint mutants fmt bench man web web-check install clean

all: build

setup:
	@scripts/setup

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/viaduct

## web: the web interface from its sources, into web/dist, which is committed
web:
	scripts/web

## web-check: that web/dist is what its sources give
web-check:
	scripts/web --check

## demo: a three-node lab with guests that ping each other; left running
demo: setup build
	@scripts/demo up

## demo-down: removes every trace of the demo
demo-down:
	@scripts/demo down

## test: everything that has to pass; of the VM tier one scenario for each kind of
## network, since emulated processors are slow
test: setup build lint unit e2e test-ui ifupdown2 test-vm-quick

## test-fresh: the demo and the tests as on a machine that nobody prepared
test-fresh:
	scripts/fresh-root sh -c 'make demo && make demo-down'
	scripts/fresh-root make test

unit:
	$(GO) test $$($(GO) list ./... | grep -v -e /test/e2e -e /driver/ifupdown2)

## test-attacks: attacks on a server's resources at full size, on the loopback; make test
## runs them in a short form
test-attacks:
	$(GO) test -count=1 -timeout 30m -v ./test/attacks -args -full

e2e:
	$(GO) test -count=1 -timeout 30m -skip '^Test(VM|Ifupdown2|Web)' $(CLUSTERS)

## test-ui: the web interface in a real browser, on running labs; pictures of every page are
## left in build/ui
test-ui: setup build web-check
	$(GO) test -count=1 -timeout 30m -run '^TestWeb' $(CLUSTERS)

## ifupdown2: the tests that need it; where ifupdown is in its way, in a root of its own
ifupdown2:
	@if command -v ifreload >/dev/null; then $(MAKE) ifupdown2-here; else scripts/fresh-root make ifupdown2-here; fi

ifupdown2-here: setup build
	$(GO) test -count=1 ./internal/driver/ifupdown2
	$(GO) test -count=1 -run '^TestIfupdown2' $(CLUSTERS)

## test-vm: what needs a distribution's kernel, in virtual machines, with KVM or
## without; RUN=pattern chooses tests, ROOT=system|debian13|testing|debian13-programs|testing-programs where
test-vm: build
	@scripts/setup qemu-system-x86 busybox-static cpio xz-utils kmod iproute2 tcpdump mmdebstrap
	$(GO) run ./test/vm/run $(if $(RUN),-run '$(RUN)') $(if $(ROOT),-root $(ROOT)) $(VMFLAGS)

## test-vm-quick: the part of test-vm that make test runs
test-vm-quick:
	$(MAKE) test-vm VMFLAGS=-quick
	echo 'viaduct lab exec node1 -- ip link add v type vrf table 5' | $(BIN) lab up --vm --nodes 1

lint:
	$(LINT) run ./...

## mutants: how many faults put into the pure packages their tests find; PACKAGES=... chooses
mutants:
	scripts/mutants $(PACKAGES)

fmt:
	$(LINT) fmt

## bench: figures beside the peer and the floor, in build/bench.json
bench: build
	@scripts/setup conntrack python3 qemu-system-x86 busybox-static cpio xz-utils kmod iproute2 tcpdump mmdebstrap
	$(GO) run ./test/bench/links -json build/bench.json
	$(GO) run ./test/bench/compile -json build/bench.json
	$(GO) run ./test/bench/cluster -json build/bench.json
	$(GO) run ./test/bench/memory -json build/bench.json
	$(GO) run ./test/bench/api -json build/bench.json
	$(GO) run ./test/bench/web -json build/bench.json
	$(GO) run ./test/bench/sets -json build/bench.json
	$(GO) run ./test/bench/conntrack -json build/bench.json
	$(GO) run ./test/bench/dhcp -json build/bench.json
	$(GO) run ./test/bench/filter -json build/bench.json
	$(GO) run ./test/bench/balance -json build/bench.json
	$(GO) run ./test/bench/sector -json build/bench.json
	$(GO) run ./test/bench/evpn -json build/bench.json
	$(GO) run ./test/vm/run -run 'TestVMEVPN(Faults|Moves|Restart)|TestVMFabric' -json build/bench.json
	$(GO) run ./test/bench/ipam -json build/bench.json
	$(GO) run ./test/bench/map -json build/bench.json

man: build
	$(BIN) man build/man

## install: the program, its manual pages, completions and systemd units, below
## PREFIX (/usr/local) and DESTDIR
install: build
	install -D -m 0755 $(BIN) $(DESTDIR)$(PREFIX)/bin/viaduct
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/bash-completion/completions \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d $(DESTDIR)$(UNITDIR)
	$(BIN) man $(DESTDIR)$(PREFIX)/share/man/man1
	$(BIN) completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/viaduct
	$(BIN) completion zsh >$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_viaduct
	$(BIN) completion fish >$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/viaduct.fish
	install -D -m 0644 packaging/sysusers.d/viaduct.conf $(DESTDIR)$(SYSUSERSDIR)/viaduct.conf
	for unit in viaduct-server viaduct-agent viaduct-leave; do \
		sed 's|/usr/bin/viaduct|$(PREFIX)/bin/viaduct|' packaging/systemd/$$unit.service >$(DESTDIR)$(UNITDIR)/$$unit.service || exit; \
		chmod 0644 $(DESTDIR)$(UNITDIR)/$$unit.service; \
	done

clean:
	rm -rf bin build
