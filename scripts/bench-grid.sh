#!/usr/bin/env bash
# The full grid of `carrylane bench` as JSON lines: every cell, engine and level, small to large hidden sizes, one thread and all.
#
#   scripts/bench-grid.sh [SECONDS] > grid.jsonl     seconds for each figure, default 1
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-1}
cargo build --locked --release --quiet
carrylane="$(cargo metadata --locked --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/carrylane"
