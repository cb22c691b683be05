#!/bin/sh
# rustfmt and clippy, as checks.  A Rust without them gets them from rustup; without rustup they are
# left out, with a word, as the code builds and passes its tests all the same.
set -eu
have() { cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1; }
if ! have && command -v rustup >/dev/null; then
    rustup component add rustfmt clippy || true
fi
if ! have; then
    echo "lint: rustfmt and clippy are not installed; Rust code is not checked"
    exit 0
fi
cargo fmt --check
cargo clippy --release --workspace --all-targets -- -D warnings
