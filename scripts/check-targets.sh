#!/usr/bin/env bash
# The library checked by the compiler for machines other than this one. Targets that rustup does not have
# and cannot get are skipped, and said to be. Nothing is run: this shows that carrylane compiles there.
#
#   scripts/check-targets.sh [TARGET…]     default: all of them
set -euo pipefail
cd "$(dirname "$0")/.."

if (($# == 0)); then
    set -- aarch64-unknown-linux-gnu wasm32-wasip1 wasm32-unknown-unknown
fi
for target; do
    if ! rustup target list --installed | grep -qx "$target" && ! rustup target add "$target" 2>/dev/null; then
        echo "skipped: $target, which rustup does not have"
        continue
    fi
    cargo check --release --locked --lib --no-default-features --quiet --target "$target"
    echo "checked: the library for $target"
done
