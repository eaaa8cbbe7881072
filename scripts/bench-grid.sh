#!/usr/bin/env bash
# The full grid of `carrylane bench` as JSON lines: every cell, engine and level of this machine, small to large hidden sizes, one thread;
# then the best level on all cores.
#
#   scripts/bench-grid.sh [SECONDS] > grid.jsonl     seconds for each row, default 1
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-1}
# shellcheck source=scripts/common.sh
. scripts/common.sh

hidden=8,16,32,64,128,256
for cell in elman dynamic lstm 'lstm --lstm-form notebook'; do
    echo "$cell" >&2
    # shellcheck disable=SC2086 # a cell may come with its form
    {
        "$carrylane" bench --json --seconds "$seconds" --cell $cell --hidden "$hidden" --engine fused --simd all
        "$carrylane" bench --json --seconds "$seconds" --cell $cell --hidden "$hidden" --engine blas
        "$carrylane" bench --json --seconds "$seconds" --cell $cell --hidden "$hidden" --batch 4096 --threads "$(nproc)"
    }
done
