#!/usr/bin/env bash
# The full grid of `carrylane bench` as JSON lines: every cell, engine and level of this machine, small to large hidden sizes, one thread;
# the best level on all cores; and the engines side by side, batch 1 to 8,192, with a word on where `--engine auto` does not take the best.
#
#   scripts/bench-grid.sh [SECONDS] > grid.jsonl     seconds for each row, default 1
#   scripts/bench-grid.sh --engines [SECONDS] > engines.jsonl     the last part alone
set -euo pipefail
cd "$(dirname "$0")/.."

part=all
if [[ ${1-} == --engines ]]; then
    part=engines
    shift
fi
seconds=${1:-1}
# shellcheck source=scripts/common.sh
. scripts/common.sh

every_cell() {
    local cell hidden=8,16,32,64,128,256
    for cell in elman dynamic lstm 'lstm --lstm-form notebook'; do
        echo "$cell" >&2
        # shellcheck disable=SC2086 # a cell may come with its form
        {
            "$carrylane" bench --json --seconds "$seconds" --cell $cell --hidden "$hidden" --engine fused --simd all
            "$carrylane" bench --json --seconds "$seconds" --cell $cell --hidden "$hidden" --engine blas
            "$carrylane" bench --json --seconds "$seconds" --cell $cell --hidden "$hidden" --batch 4096 --threads "$(nproc)"
        }
    done
}

every_engine() {
    echo engines >&2
    "$carrylane" bench --json --seconds "$seconds" --engine fused,units,blas --hidden 4,8,16,32,64,128,256 --batch 1,8,16,32,64,512,8192
    "$carrylane" bench --json --seconds "$seconds" --engine fused,units,blas --hidden 512,1024,2048 --batch 1,16,64,512
}

# Rows pass through; how `auto` does goes to stderr.
judge() {
    python3 -c '
import json, sys
cells = {}
for line in sys.stdin:
    sys.stdout.write(line)
    row = json.loads(line)
    if row["type"] == "bench":
        cells.setdefault((row["hidden"], row["batch"]), []).append(row)
near, far = 0, []
for (hidden, batch), rows in cells.items():
    best = max(rows, key=lambda row: row["best_samples_per_s"])
    auto = next(row for row in rows if row["auto"])
    ratio = auto["best_samples_per_s"] / best["best_samples_per_s"]
    near += ratio >= 0.95
    if ratio < 0.95:
        far.append(f"hidden {hidden}, batch {batch}: {auto['"'"'engine'"'"']} has {ratio:.2f} of {best['"'"'engine'"'"']}")
print(f"auto is within 5 % of the best engine in {near} of {len(cells)} cells", *far, sep="\n", file=sys.stderr)'
}

if [[ $part == all ]]; then
    every_cell
fi
every_engine | judge
