# Everything a checkout can do. `make` alone lists it.
#
# Every cargo call uses the release profile, tests and clippy included: HiGHS takes minutes to compile and is compiled
# once for each profile, so one profile means one compilation, shared by `make demo`, `make test` and `make bench`.
# For the same reason every call names the whole workspace: with `-p` cargo picks other features for what HiGHS' build
# script is made of, and compiles HiGHS again. (Plain `cargo test` works as well, at the price of a second HiGHS.)

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
CARGO := . .tools/env && cargo

.PHONY: help setup build demo test check-pure fuzz bench bench-inference bench-exact bench-growth bench-torch bench-peers screenshot clean

help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1|\2/p' Makefile | while IFS='|' read -r target what; do printf '%-17s%s\n' "$$target" "$$what"; done

setup: ## find or install cmake and libclang
	@scripts/setup

build: setup ## compile the icnn program to target/release/icnn
	$(CARGO) build --release --workspace

demo: build ## solve example networks and show the proofs
	target/release/icnn demo examples/digits
	@echo
	target/release/icnn demo examples/imputation

test: setup ## formatting, lints, documentation, all tests, a little fuzzing, and the build without C++
	$(CARGO) fmt --all -- --check
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml -- --check
	$(CARGO) clippy --release --workspace --all-targets --all-features -- -D warnings
	ICNN_BROWSER=$$(scripts/browser) && export ICNN_BROWSER && $(CARGO) test --release --workspace --all-features
	RUSTDOCFLAGS='-D warnings' && export RUSTDOCFLAGS && $(CARGO) doc --release --workspace --all-features --no-deps
	$(MAKE) check-pure
	scripts/fuzz short

check-pure: setup ## build and test without HiGHS, with compilers that fail if called
	CC=false CXX=false CMAKE=false && export CC CXX CMAKE && $(CARGO) test --release --workspace --no-default-features

fuzz: setup ## fuzz what reads files: SECONDS (600) for each of TARGETS (all); see fuzz/README.md
	scripts/fuzz long $(or $(SECONDS),600) $(TARGETS)

bench: bench-inference ## bench-inference, then icnn solve next to HiGHS, and passes of the methods that call f
	$(CARGO) bench --workspace --all-features --bench overhead
	$(CARGO) bench --workspace --all-features --bench methods

bench-inference: setup ## exact inference next to one pass, to HiGHS and to gradient descent; PARTS="families rl6" and so on
	$(CARGO) bench --workspace --all-features --bench inference -- $(PARTS)

bench-exact: setup ## measure the exact tier next to the linear program
	$(CARGO) bench --workspace --all-features --bench exact

bench-growth: setup ## how the cost of exact inference grows; makes docs/growth-*.svg again
	$(CARGO) bench --workspace --all-features --bench inference -- growth

bench-peers: setup ## compare with cvxpy, torch and the published bundle method (downloads them into target/)
	$(CARGO) build --release --workspace --all-features --bin icnn
	$(CARGO) bench --workspace --all-features --bench inference --no-run
	[ -x target/bench-peers/bin/python ] || python3 -m venv target/bench-peers
	target/bench-peers/bin/python -m pip install --quiet --disable-pip-version-check -r benches/peers/requirements.txt
	mkdir -p target/bench
	target/bench-peers/bin/python benches/peers/compare.py \
		"$$(ls -t target/release/deps/inference-* | grep -v '\.d$$' | head -1)" target/release/icnn --json target/bench/peers.json $(FAMILIES)

bench-torch: setup ## compare forward and backward passes with torch (downloads it into target/)
	$(CARGO) bench --workspace --all-features --bench torch --no-run
	[ -x target/bench-torch/bin/python ] || python3 -m venv target/bench-torch
	target/bench-torch/bin/python -m pip install --quiet --disable-pip-version-check -r benches/requirements.txt
	target/bench-torch/bin/python benches/torch/compare.py \
		"$$(ls -t target/release/deps/torch-* | grep -v '\.d$$' | head -1)"

screenshot: build ## make docs/compare-digits.png again
	scripts/screenshot

clean: ## delete what was compiled; what set-up installed stays
	cargo clean
