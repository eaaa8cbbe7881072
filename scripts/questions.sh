#!/usr/bin/env bash
# How surely and how soon nets learn, as Markdown tables: of each cell, and the questions of notebook 001: do larger hidden sizes train
# faster or slower, how many iterations does it take, how large can the numbers be? One thread, default settings but for what a row names.
#
#   scripts/questions.sh [SEEDS]     default: 20 seeds a row
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."

seeds=${1:-20}
# shellcheck source=scripts/common.sh
. scripts/common.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A row: label, solved, and the medians of those that solved.
row() {
    local label=$1 all solved
    shift
    all=$(each_seed 1 "$seeds" --until solved "$@")
    solved=$(grep '"solved":true' <<<"$all" || true)
    if [[ -z $solved ]]; then
        echo "| $label | 0 of $seeds | – | – | – |"
        return
    fi
    printf '| %s | %s of %s | %s | %s | %.1f |\n' "$label" "$(wc -l <<<"$solved")" "$seeds" \
        "$(field samples <<<"$solved" | median)" "$(field updates <<<"$solved" | median)" \
        "$(field seconds <<<"$solved" | median | awk '{ print $1 * 1000 }')"
}

heading() { printf '\n| %s | solved | samples, median | updates, median | ms, median |\n|---|---|---|---|---|\n' "$1"; }

heading cell
row elman --cell elman
row dynamic --cell dynamic
row lstm --cell lstm
row 'lstm, notebook form' --cell lstm --lstm-form notebook
heading hidden
for hidden in 2 3 4 8 16 32 64 128; do
    row "$hidden" --hidden "$hidden"
done
heading 'bits trained'
for bits in 4 8 12 16 24 32; do
    row "$bits" --bits "$bits"
done
echo
echo "| nets trained at 8 bits that add all of | 1,000 sums | and the adversarial ones |"
echo "|---|---|---|"
for ((seed = 0; seed < seeds; seed++)); do
    "$carrylane" train --until solved --seed "$seed" --threads 1 --out "$work/$seed" --json >"$work/log"
done
for bits in 16 64 256 1024 4096 16384; do
    counts=()
    for pattern in 'uniform --pairs 1000' adversarial; do
        right=0
        for ((seed = 0; seed < seeds; seed++)); do
            # shellcheck disable=SC2086 # the pattern and what goes with it
            "$carrylane" eval --model "$work/$seed/model.safetensors" --bits $bits --pattern $pattern \
                --threads 1 --json >"$work/log" && right=$((right + 1))
        done
        counts+=("$right of $seeds")
    done
    echo "| $bits bits | ${counts[0]} | ${counts[1]} |"
done
