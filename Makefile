# What can be done with the project; `make help` lists it.

CARGO := tools/with-cmake cargo

# A folder of further signed requests to check against, if there is one.
export HOOKWARD_EXTRA_VECTORS ?=

.PHONY: help demo test interop book bench guard timing fuzz mutants lint deny sbom build release release-pgo image \
        image-test dist deb deb-test clean

help:
	@echo "make demo     build, then send real and forged webhooks through a proxy to an app"
	@echo "make test     the tests"
	@echo "make interop  the tests against the providers' own code and nginx"
	@echo "make book     the book, with every link in it checked: target/book/docs/index.html"
	@echo "make bench    measures it beside nginx, HAProxy and a bare Pingora; writes docs/performance.md"
	@echo "make guard    counts instructions a request; fails if they rose. RECORD='why' records them"
	@echo "make timing   measures whether comparing takes the same time for every input"
	@echo "make fuzz     runs each fuzz target for a minute; SECONDS=… for longer"
	@echo "make mutants  changes verification in small ways and looks for tests that fail"
	@echo "make lint     formatting and lints"
	@echo "make deny     licences, sources and duplicates of what the program is made of"
	@echo "make sbom     what it is made of, as CycloneDX: target/hookward-VERSION.cdx.json"
	@echo "make release  the program as it is shipped: target/release/hookward"
	@echo "make release-pgo  the same, optimised by a load: target/release-pgo/hookward"
	@echo "make image    the container image, with docker, podman or buildah"
	@echo "make image-test  builds the image twice, compares, and runs it from its own root; as root, with buildah"
	@echo "make dist     a tarball with the program and what goes along with it: target/dist/"
	@echo "make deb      the Debian package: target/dist/"
	@echo "make deb-test installs, upgrades under load and removes it in a root that debootstrap makes; as root"

demo:
	$(CARGO) run --quiet -- demo

test:
	$(CARGO) test --quiet
	tools/library

lint:
	cargo fmt --check
	$(CARGO) clippy --all-targets --quiet -- -D warnings

# The providers' own code against the program; installs nginx and the providers' packages.
interop:
	tools/interop

# The book's pages; a warning or a broken link fails.
book:
	tools/book

# Beside its peers, in one run of forty minutes; BENCH="--rounds 1 --dry" for a first look, --help for more.
bench:
	tools/bench $(BENCH)

# Instructions a request against performance/instructions.toml.
guard:
	tools/guard $(if $(RECORD),--record "$(RECORD)")

# Whether the comparison takes the same time for every input; prints t values.
timing:
	$(CARGO) bench --quiet --profile release-timing --features timing --bench timing

# Each fuzz target for SECONDS.
SECONDS := 60
fuzz:
	tools/fuzz $(SECONDS)

# Which changes to verification no test notices. Takes half an hour.
mutants:
	command -v cargo-mutants >/dev/null 2>&1 || cargo install --quiet --locked cargo-mutants
	$(CARGO) mutants -f 'src/verify/*.rs' -e src/verify/timing.rs --timeout 60 -- --lib --test verification

# cargo-deny and cargo-cyclonedx are installed into .tools/, as cargo-deb is for the package.
deny:
	tools/deny

sbom:
	tools/sbom

build:
	$(CARGO) build

release:
	$(CARGO) build --release

release-pgo:
	tools/release-pgo

image:
	tools/image

# BUILDER=… names the base image of the build. Each of the two builds takes some minutes.
image-test:
	tools/image-test

dist:
	tools/dist

deb:
	tools/deb

# ROOT=… copies a root that debootstrap has made.
deb-test:
	tools/deb-test $(ROOT)

clean:
	cargo clean
	rm -rf .tools
