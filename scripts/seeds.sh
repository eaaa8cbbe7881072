#!/usr/bin/env bash
# Trains every cell from many seeds with its default settings at 8 bits, one thread, and prints a Markdown table of how many solved it,
# and the median samples and seconds of those that did.
#
#   scripts/seeds.sh [SEEDS] [CELL…]     default: 100 seeds, every cell and form
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."

seeds=${1:-100}
shift $(($# > 0 ? 1 : 0))
cargo build --locked --release --quiet
target=$(cargo metadata --locked --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
carrylane=$target/release/carrylane

cells=("$@")
if (($# == 0)); then
    cells=(elman dynamic lstm 'lstm --lstm-form notebook')
fi

field() { sed "s/.*\"$1\":\([^,}]*\).*/\1/"; }
median() { sort -g | awk '{ value[NR] = $1 } END { if (NR) print (value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2; else print "–" }'; }

echo "| cell | solved | samples, median | seconds, median |"
echo "|---|---|---|---|"
for cell in "${cells[@]}"; do
    summaries=$(for ((seed = 0; seed < seeds; seed++)); do
        # An unsolved training answers with exit code 1, and with its summary all the same.
        # shellcheck disable=SC2086 # a cell may come with its form
        { "$carrylane" train --cell $cell --seed "$seed" --threads 1 --json || (($? == 1)); } | tail -n 1
    done)
    solved=$(grep '"solved":true' <<<"$summaries" || true)
    count=$(grep -c . <<<"$solved" || true)
    echo "| $cell | $count of $seeds | $(grep . <<<"$solved" | field samples | median) | $(grep . <<<"$solved" | field seconds | median) |"
done
