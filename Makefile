# The commands of the README. Each sees to what it needs.

CARGO := tools/with-cmake cargo

# Further signed requests to check against, where somebody keeps some beside this project.
export HOOKWARD_EXTRA_VECTORS ?= $(wildcard $(CURDIR)/../shared/vectors)

.PHONY: help demo test lint build release image clean

help:
	@echo "make demo     build, then send real and forged webhooks through a proxy to an app"
	@echo "make test     the tests"
	@echo "make lint     formatting and lints"
	@echo "make release  the program as it is shipped: target/release/hookward"
	@echo "make image    the container image, with docker or buildah"

demo:
	$(CARGO) run --quiet -- demo

test:
	$(CARGO) test --quiet

lint:
	cargo fmt --check
	$(CARGO) clippy --all-targets --quiet -- -D warnings

build:
	$(CARGO) build

release:
	$(CARGO) build --release

image:
	tools/image

clean:
	cargo clean
	rm -rf .tools
