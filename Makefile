# Switchyard's commands. `make` lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

ADDRESS := 127.0.0.1
PORT ?= 8080
# On a build server the lock file is law; at a desk cargo may extend it.
LOCKED := $(if $(CI),--locked)

export PATH := $(CURDIR)/.tools/bin:$(CURDIR)/node_modules/.bin:$(PATH)
export TRUNK_SKIP_VERSION_CHECK := true
# trunk 0.21 takes NO_COLOR=1, which means "yes" everywhere else, for a bad argument.
TRUNK := env -u NO_COLOR trunk

.PHONY: help serve test fmt clippy native explore build dist browser readme bench clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

serve: ## build the page, serve it on http://127.0.0.1:8080 (PORT=... to change) and rebuild on change
	@tools/install.sh serve
	@echo "Switchyard: http://$(ADDRESS):$(PORT)/ (as soon as the first build is done; Ctrl-C stops it)"
	@# Its own folder: what is in dist/ is always a release build.
	@$(TRUNK) serve --address $(ADDRESS) --port $(PORT) --dist target/serve

test: ## everything a change must pass: fmt, clippy, native, dist, browser
	@tools/install.sh test
	@$(MAKE) fmt
	@$(MAKE) clippy
	@$(MAKE) native
	@$(MAKE) dist
	@$(MAKE) browser
	@echo "all passed: fmt, clippy, native, dist, browser"

fmt: ## is the code formatted?
	cargo fmt --all --check

clippy: ## lints, for this machine and for the browser; a warning is an error
	cargo clippy $(LOCKED) --all-targets -- -D warnings
	cargo clippy $(LOCKED) --target wasm32-unknown-unknown --lib --bin app --bin engine -- -D warnings

# One seed, so that a build fails for what was changed; `make explore` looks further.
native: export PROPTEST_RNG_SEED ?= 20261127
native: ## the tests that need no browser; the determinism test also as a release build
	cargo test $(LOCKED)
	cargo test $(LOCKED) --release --test determinism
	FUZZ_SECONDS=$(or $(FUZZ_SECONDS),60) cargo test $(LOCKED) --release --test link_fuzz

explore: ## the random properties once more, with new seeds and many more cases (CASES=...)
	PROPTEST_CASES=$(or $(CASES),5000) cargo test $(LOCKED) --release --no-fail-fast

build: ## the page, in dist/
	@tools/install.sh build
	$(TRUNK) build --release $(LOCKED)

# What the page's program and the module for scripts are put together with; index.html says the same to trunk. Functions that
# are called from one place stay functions (-ocimfs 0): the program is cut between functions.
WASM_FLAGS := --enable-bulk-memory --enable-nontrapping-float-to-int --enable-sign-ext --enable-mutable-globals \
	--enable-reference-types --enable-multivalue

dist: ## the folder to publish, in dist/: the page cut in two, the module for scripts, headers, a zip
	@tools/install.sh test
	@$(MAKE) build
	cargo build $(LOCKED) --release --target wasm32-unknown-unknown --bin engine
	wasm-bindgen --target web --out-dir target/engine --out-name switchyard \
		$${CARGO_TARGET_DIR:-target}/wasm32-unknown-unknown/release/engine.wasm
	wasm-opt $(WASM_FLAGS) -ocimfs 0 -O3 target/engine/switchyard_bg.wasm -o dist/switchyard_bg.wasm
	cp target/engine/switchyard.js target/engine/switchyard.d.ts dist/
	cargo build $(LOCKED) --features split --bin split
	node tools/dist/make.mjs dist $${CARGO_TARGET_DIR:-target}/debug/split

browser: ## the tests in Chromium, on what `make dist` made in dist/ (ONLY=word for some of them)
	node tests/browser/run.mjs $(ONLY)

readme: ## write the tables of algorithms into README.md, from the catalogues
	UPDATE_README=1 cargo test $(LOCKED) --test catalogues readme
	UPDATE_README=1 cargo test $(LOCKED) --test schema published

bench: ## how fast: the engine natively, then in Chromium; caches against libCacheSim
	@tools/install.sh test
	cargo bench $(LOCKED)
	node benches/run.mjs
	node benches/evict.mjs

clean: ## remove what builds made; the tools stay
	rm -rf target dist tests/browser/shots
