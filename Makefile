# What one does with opsafe's sources. `make` lists it.
#
# A bare Debian 12 machine with Go and root is enough: deps brings the rest.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# Go is often unpacked without having been put on the PATH.
export PATH := $(PATH):/usr/local/go/bin
GO := $(shell PATH='$(PATH)' command -v go)

# The product needs no C library, and so the tests do without one too.
export CGO_ENABLED := 0

# Tools of the trade, apart from go.mod: the product does not depend on them.
# They are kept outside the repository, one for each version of tool and Go.
GOLANGCI_LINT_VERSION := v2.15.0
GOTESTSUM_VERSION     := v1.13.0
# The last one whose modules are all where Go's own proxy has them.
NFPM_VERSION          := v2.45.0
# Another compiler would make other bytes.
RELEASE_GO            := go1.26.8
TOOLS         := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/opsafe/tools
GOVERSION     := $(shell $(GO) env GOVERSION)
GOLANGCI_LINT := $(TOOLS)/golangci-lint-$(GOLANGCI_LINT_VERSION)-$(GOVERSION)/golangci-lint
GOTESTSUM     := $(TOOLS)/gotestsum-$(GOTESTSUM_VERSION)-$(GOVERSION)/gotestsum
NFPM          := $(TOOLS)/nfpm-$(NFPM_VERSION)-$(GOVERSION)/nfpm

# How many packages are tested at once. Most tests wait for a host of theirs, so
# it may be more than there are cores; docker and apt in several hosts are not.
TEST_PARALLEL ?= 2
# Of one package, hosts and all. A test that hangs is ended by it.
TEST_TIMEOUT  ?= 55m
# Which tests: make test TESTS=./internal/kind/... ARGS='-run Cases/sudoers'
TESTS ?= ./...
ARGS  ?=

include internal/testhost/testhost.mk

.PHONY: help
help: ## list the targets
	@echo "usage: make TARGET"; echo
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) | while IFS='|' read -r name what; do \
	  printf '%-10s %s\n' "$$name" "$$what"; done

.PHONY: build
build: ## build bin/opsafe
	@$(call need_go)
	@$(GO) build -trimpath $(stamp) -ldflags '-s -w' -o bin/opsafe ./cmd/opsafe

# The version is git's, if this is a repository with a commit in it.
stamp = $(shell git rev-parse -q --verify HEAD >/dev/null 2>&1 && echo -buildvcs=true || echo -buildvcs=false)

define need_go
[ -n "$(GO)" ] || { echo "make: Go is missing: neither on the PATH nor in /usr/local/go/bin" >&2; exit 1; }
endef

# What make itself needs: certificates for the module proxy. And what the steps of
# .github/workflows run, which a test runs here.
BUILD_PACKAGES := ca-certificates curl git jq

# What tests ask: judges of manual pages, bash as people have it, and Ansible.
TEST_PACKAGES := bash-completion man-db mandoc openssl

.PHONY: deps
deps: build-deps testhost-deps test-deps ## install the Debian packages that tests and try need

.PHONY: build-deps
build-deps:
	@$(call need_go)
	@[ "$$(id -u)" = 0 ] || { echo "make: throwaway hosts take root: run make as root" >&2; exit 1; }
	@$(call install,$(BUILD_PACKAGES),to build)

.PHONY: test-deps
test-deps:
	@$(call install,$(TEST_PACKAGES),for the tests)

# install brings the packages that are missing, and says what for.
define install
missing=; for p in $(1); do \
  [ "$$(dpkg-query -W -f '$${db:Status-Status}' $$p 2>/dev/null)" = installed ] || missing="$$missing $$p"; \
done; \
[ -z "$$missing" ] && exit 0; \
echo "installing $(2):$$missing"; \
export DEBIAN_FRONTEND=noninteractive; \
apt-get -qq update && \
apt-get -qq -o=Dpkg::Use-Pty=0 install -y --no-install-recommends $$missing >/dev/null
endef

# Garbage is collected as seldom as the program has it, which saves a third of the time of pairs at random.
.PHONY: test
test: deps lint images $(GOTESTSUM) ## lint, then run every test: unit, conformance, end-to-end
	@echo "== tests"
	@GOGC=400 $(GOTESTSUM) --format pkgname --hide-summary=skipped -- -timeout $(TEST_TIMEOUT) -p $(TEST_PARALLEL) $(ARGS) $(TESTS)

# Images are built before the tests, so that no test's timeout has to cover it.
.PHONY: images
images: deps
	@$(GO) run ./internal/testhost/throwaway prepare --suite bookworm,bullseye,trixie

.PHONY: lint
lint: build-deps $(GOLANGCI_LINT) ## vet, gofumpt, linters, architecture (.golangci.yaml)
	@echo "== lint"
	@bad=0; \
	out=$$(gofmt -l cmd internal); [ -z "$$out" ] || { echo "not formatted, run make fmt:"; echo "$$out"; bad=1; }; \
	$(GO) mod tidy -diff || { echo "go.mod is not tidy, run go mod tidy"; bad=1; }; \
	$(GO) vet ./... || bad=1; \
	$(GOLANGCI_LINT) run ./... || bad=1; \
	exit $$bad

.PHONY: fmt
fmt: $(GOLANGCI_LINT) ## format the sources (gofumpt, goimports)
	@$(GOLANGCI_LINT) fmt ./...

.PHONY: try
try: deps build ## watch opsafe bring a throwaway host to its declared state
	@$(GO) build -o bin/ ./internal/testhost/throwaway ./internal/testhost/try
	@bin/try

.PHONY: soak
soak: soak-faults soak-races soak-fuzz soak-ways ## faults, races, fuzzing and ways in, for hours; prints the figures

# Something goes wrong at more than 10,000 system calls.
.PHONY: soak-faults
soak-faults: deps images
	@echo "== faults"
	@$(GO) run ./internal/fault/soak $(SOAK_ARGS)

# Against somebody who exchanges what opsafe finds on its way; the test prints what
# came of it. TMPDIR says on which file system.
RACE_ROUNDS ?= 100000
# Of each fuzz target.
FUZZ_TIME ?= 5m

.PHONY: soak-races
soak-races: deps
	@echo "== races"
	@out=$$(OPSAFE_RACE_ROUNDS=$(RACE_ROUNDS) $(GO) test -count=1 -timeout 60m -v -run '^TestRace' ./internal/host/local 2>&1); code=$$?; \
	echo "$$out" | grep -v '^=== '; exit $$code

# Minimizing an input that is only interesting would take a minute each, for nothing.
# Inputs that are found are left in testdata/fuzz, to become cases.
.PHONY: soak-fuzz
soak-fuzz: deps
	@echo "== fuzzing, $(FUZZ_TIME) each"
	@grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z]*' internal | sed 's|/[^/]*:func | |' | sort | while read -r dir target; do \
	  out=$$($(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ_TIME) -fuzzminimizetime 1s ./$$dir 2>&1) || { echo "$$out"; exit 1; }; \
	  printf '%-22s %-16s %s\n' "$$dir" "$$target" "$$(echo "$$out" | grep -Eo 'elapsed: [^(]*execs: [0-9]*' | tail -1)"; \
	done

# Specs that could shut the way in, made up: none may.
WAYS ?= 300

.PHONY: soak-ways
soak-ways: deps images
	@echo "== ways in, $(WAYS)"
	@out=$$($(GO) test -count=1 -timeout 60m -v -run '^TestWaysByChance$$' ./internal/e2e -args -ways $(WAYS) 2>&1); code=$$?; \
	echo "$$out" | grep -v '^=== '; exit $$code

.PHONY: bench
bench: deps ## measure first runs and runs that find nothing to do, of people, trees and specs, each beside other programs
	@$(GO) run ./internal/bench -people "$${PEOPLE:-20,200,1000}"

.PHONY: bench-check
bench-check: deps ## fail if a run that finds nothing to do takes longer than with another build, OTHER=FILE
	@$(GO) run ./internal/bench -people "$${PEOPLE:-20,200}" -files 0 -against "$(OTHER)"

# Ansible's own modules for keys and ACLs are in the package ansible.
.PHONY: bench-ansible
bench-ansible: deps images ## measure the collection beside Ansible's own modules for the same state
	@$(call install,ansible,to measure beside it)
	@$(GO) test -count=1 -timeout 60m -v -tags release,bench -run '^TestBesideAnsible$$' ./internal/e2e -args -people "$${PEOPLE:-20}"

.PHONY: release
release: build-deps $(NFPM) ## binaries, packages, Ansible's collection, checksums in dist/, the same from the same commit
	@GOTOOLCHAIN=$(RELEASE_GO) $(GO) run ./internal/release $(NFPM) dist && cat dist/SHA256SUMS

.PHONY: release-test
release-test: deps images release ## what Debian says of the package, and what it does on hosts
	@$(call install,ansible-core chromium dosfstools lintian mtools ovmf qemu-system-x86 qemu-user-static,to judge the packages and the collection and to look at reports and to boot a disk)
	@lintian --fail-on error,warning,info dist/*.deb
	@$(GO) test -count=1 -timeout 40m -v -tags release ./internal/release ./internal/report
	@$(GO) test -count=1 -timeout 40m -v -tags release -run 'Test(Ansible|Disk)$$' ./internal/e2e

.PHONY: clean
clean: ## delete what was built, but for tools and images of hosts
	rm -rf bin dist

$(GOLANGCI_LINT):
	@echo "building golangci-lint $(GOLANGCI_LINT_VERSION), once; it takes some minutes"
	@GOBIN=$(@D) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)

$(GOTESTSUM):
	@echo "building gotestsum $(GOTESTSUM_VERSION), once"
	@GOBIN=$(@D) $(GO) install gotest.tools/gotestsum@$(GOTESTSUM_VERSION)

$(NFPM):
	@echo "building nfpm $(NFPM_VERSION), once"
	@GOBIN=$(@D) $(GO) install github.com/goreleaser/nfpm/v2/cmd/nfpm@$(NFPM_VERSION)
