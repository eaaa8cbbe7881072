#!/usr/bin/env bash
# The full grid of `carrylane bench` as JSON lines: every cell, engine and level of this machine, small to large hidden sizes, one thread; the
# best level on all cores; and batches from 1 to 8,192.
#
#   scripts/bench-grid.sh [SECONDS] > grid.jsonl     seconds for each row, default 1
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-1}
# shellcheck source=scripts/common.sh
. scripts/common.sh
bench() { "$carrylane" bench --json --seconds "$seconds" "$@"; }

hidden=4,8,16,32,64,128,256
for cell in elman dynamic lstm 'lstm --lstm-form notebook'; do
    echo "$cell" >&2
    # shellcheck disable=SC2086 # a cell may come with its form
    {
        bench --cell $cell --hidden "$hidden" --simd all
        bench --cell $cell --hidden "$hidden" --engine blas
        bench --cell $cell --hidden "$hidden" --batch 4096 --threads "$(nproc)"
    }
done
echo batches >&2
bench --hidden "$hidden" --batch 1,8,64,512,8192
bench --hidden 512,1024,2048 --batch 1,64,512
