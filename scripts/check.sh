#!/usr/bin/env bash
# The one gate, for people and machines: format, dependencies, lints, tests, benches as tests, docs, and the scripts' arithmetic where Python is.
#
#   scripts/check.sh           everything
#   scripts/check.sh --lints   neither tests nor benches: what needs no program
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1-}" in
'' | --lints) ;;
*)
    echo "usage: scripts/check.sh [--lints]" >&2
    exit 2
    ;;
esac

say() { printf '\n== %s\n' "$*" >&2; }

say 'format'
cargo fmt --check

say 'dependencies'
scripts/check-supply.sh

# Everything in release, so that what is built for one step serves the next.
say 'lints'
cargo clippy --locked --release --all-targets --all-features --quiet -- -D warnings

say 'docs'
RUSTDOCFLAGS='-D warnings' cargo doc --locked --release --no-deps --quiet

# The verdicts of scripts/bench-compare.sh.
if command -v python3 >/dev/null; then
    say 'arithmetic of the scripts'
    python3 scripts/bench_compare.py --self-test
fi

if [[ "${1-}" != --lints ]]; then
    # Each bench checks its result once, in the binary that `cargo bench` would time.
    say 'benches, once each'
    cargo test --locked --release --benches --quiet

    say 'tests'
    cargo test --locked --release

    # The one feature that is not on. Unoptimized, since that takes no other package anew.
    say 'Parquet'
    CARGO_PROFILE_RELEASE_OPT_LEVEL=0 cargo test --locked --release --features parquet --lib --quiet parquet
fi
