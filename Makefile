# `make help` says what there is.  Every target sets up what it needs, and does nothing twice.

SHELL := /bin/bash
.DEFAULT_GOAL := help
STAMPS := .stamps
PY := .venv/bin/python

RUST := Cargo.toml Cargo.lock .cargo/config.toml $(shell find frontend-bridge codegen runtime-abi \
	reload python/src -type f 2>/dev/null) python/Cargo.toml python/build.rs
PACKAGE := $(shell find python/cython_llvm python/cython_llvm.data -name '*.py' -o -name '*.pyi' \
	-o -name '*.pth' -o -name '*.toml' 2>/dev/null) python/pyproject.toml README.md

.PHONY: help setup build run test test-rust test-python test-system conformance conformance-short conformance-tree tree-short differential fuzz fuzz-gpu gpu-accuracy packages-check \
	inline-check bench-inline bench-latency bench-reload bench-speed bench-kernels bench-prange bench-size bench-compile bench-demos bench-tree docs-check install lint fmt clean distclean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

$(STAMPS)/system: scripts/setup_system.sh
	@mkdir -p $(STAMPS)
	scripts/setup_system.sh
	@touch $@

$(STAMPS)/venv: $(STAMPS)/system scripts/setup_venv.sh scripts/requirements.txt
	scripts/setup_venv.sh
	@touch $@

setup: $(STAMPS)/venv ## install what is missing: Debian's packages, a virtual environment in .venv

$(STAMPS)/wheel: $(STAMPS)/venv $(RUST) $(PACKAGE) scripts/build_wheel.sh scripts/collect_runtime.py \
		scripts/strip_wheel.py
	scripts/build_wheel.sh
	@touch $@

build: $(STAMPS)/wheel ## build the wheel into dist/ and install it into .venv

install: build ## the same as build; `pip install dist/*.whl` puts it anywhere else

run: build ## compile, import, edit, reload and inline a real module, beside gcc
	$(PY) scripts/demo.py

test: lint test-rust test-python test-system docs-check inline-check conformance-short tree-short ## run all tests

test-rust: $(STAMPS)/venv ## Rust's tests
	PYO3_PYTHON=$(CURDIR)/$(PY) CYTHON_LLVM_PYTHON=$(CURDIR)/$(PY) cargo test --release --workspace

test-python: build ## the Python package's tests
	cd python/tests && $(CURDIR)/$(PY) -m pytest -c $(CURDIR)/python/pyproject.toml --rootdir=. .

	cd testsuite && $(CURDIR)/$(PY) -m pytest -q --rootdir=. conformance/tests differential/tests fuzz/tests packages/tests

test-system: build ## tests of the installed product as a whole
	cd testsuite/system && $(CURDIR)/$(PY) -m pytest -q -rs --rootdir=. .

docs-check: build ## run the documentation's samples, follow its links
	$(PY) scripts/check_docs.py

conformance-short: build ## a representative part of Cython's own tests
	cd testsuite && $(CURDIR)/$(PY) -m conformance llvm --short

conformance: build ## all of Cython's own tests, with gcc and with us; writes testsuite/CONFORMANCE.md
	cd testsuite && $(CURDIR)/$(PY) -m conformance gcc --resume --update-baseline
	cd testsuite && $(CURDIR)/$(PY) -m conformance llvm --resume --write-report

tree-short: build ## every twelfth of Cython's own tests that the tree route is known to pass
	cd testsuite && $(CURDIR)/$(PY) -m treeroute -j2 --short
	cd testsuite && $(CURDIR)/$(PY) -m treeroute -j2 --short --so

conformance-tree: build ## Cython's own run tests by the tree route alone; writes testsuite/TREEROUTE.md
	cd testsuite && $(CURDIR)/$(PY) -m treeroute -j2 --update

differential: build ## both routes beside each other: results, tracebacks, reference counts; writes testsuite/DIFFERENTIAL.md (RESUME=--resume goes on)
	scripts/setup_debug_python.sh
	cd testsuite && $(CURDIR)/$(PY) -m differential $(RESUME) --update

fuzz: build ## random programs by both routes: results, exceptions, memory (SEED=0 COUNT=200 OF=--deaths|--operations)
	cd testsuite && $(CURDIR)/$(PY) -m fuzz $(OF) --seed $(or $(SEED),0) --count $(or $(COUNT),200)

fuzz-gpu: build ## random prange loops on the CPU, through NVIDIA's assembler, and by a driver without a GPU (SEED=0 COUNT=40)
	cd testsuite && $(CURDIR)/$(PY) -m fuzz --gpu --seed $(or $(SEED),0) --count $(or $(COUNT),40)

gpu-accuracy: build ## libm's functions of GPU loops beside glibc's long double, in units in the last place
	$(PY) testsuite/gpu/accuracy.py

packages-check: build ## real packages' sources by the tree route and their own tests with the outcome, from the network; writes testsuite/PACKAGES.md (NAMES="yarl msgpack": these alone)
	cd testsuite && $(CURDIR)/$(PY) -m packages $(NAMES) --update

bench-latency: build ## ratios to pyximport with gcc, from edit to result
	$(PY) testsuite/benches/latency.py

bench-reload: build ## one function edited in a large module; 10,000 reloads in one process
	$(PY) testsuite/benches/reload_large.py
	$(PY) testsuite/benches/reload.py --route tree
	$(PY) testsuite/benches/reload.py --route c --count 1000

bench-tree: build ## the tree route's latency, as ratios to Cython's own part, gcc and numba
	scripts/setup_bench.sh
	$(PY) testsuite/benches/tree_latency.py

inline-check: build ## inline beside what stock cython.inline was recorded to do, 413 snippets
	cd testsuite && $(CURDIR)/$(PY) -m inlinecheck

bench-inline: build ## inline and jit beside cython.inline and numba: cold, new code, cached calls, dispatch
	$(PY) testsuite/benches/inline.py

bench-speed: build ## the C route's code, as ratios to clang -O3 -march=native
	scripts/setup_bench.sh
	$(PY) testsuite/benches/kernel_speed.py --of c_route --engines clang_native

bench-kernels: build ## the tree route's code and calls, as ratios to gcc, clang, the C route and numba
	scripts/setup_bench.sh
	$(PY) testsuite/benches/kernel_speed.py

bench-demos: build ## Cython's own benchmarks, as ratios to gcc -O3 -march=native (ARGS="-k getitem")
	$(PY) testsuite/benches/demos.py $(ARGS)

bench-prange: build ## prange's loops, as ratios to gcc -fopenmp and numba; THREADS=1 on busy machines
	$(PY) testsuite/benches/prange.py --threads $(or $(THREADS),2)

bench-size: build ## the size of the tree route's libraries, against gcc -O2 (--every 1: all of Cython's tests)
	$(PY) testsuite/benches/size.py

bench-compile: build ## what large modules cost to compile, against Cython's C by gcc -O2 (of packages, those that packages-check has fetched)
	$(PY) testsuite/benches/compile_time.py

lint: $(STAMPS)/venv ## rustfmt, clippy and ruff, as checks
	PYO3_PYTHON=$(CURDIR)/$(PY) CYTHON_LLVM_PYTHON=$(CURDIR)/$(PY) scripts/lint_rust.sh
	$(PY) -m ruff check .

fmt: $(STAMPS)/venv ## format Rust, sort Python's imports
	cargo fmt
	$(PY) -m ruff check --fix .

clean: ## remove what was built
	rm -rf target dist $(STAMPS)/wheel python/cython_llvm/data
	rm -f python/cython_llvm/_native*.so python/cython_llvm/_cyutility* python/cython_llvm/_cyrt*

distclean: clean ## remove the virtual environment and downloads too
	rm -rf .venv .cache $(STAMPS)
