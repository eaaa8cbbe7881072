#!/usr/bin/env bash
# Trains every cell from many seeds with its default settings at 8 bits, one thread, and prints a Markdown table of how many solved it,
# and the median samples and seconds of those that did.
#
#   scripts/seeds.sh [SEEDS] [CELL…]     default: 100 seeds, every cell
set -euo pipefail
cd "$(dirname "$0")/.."

seeds=${1:-100}
shift $(($# > 0 ? 1 : 0))
cargo build --locked --release --quiet
carrylane="$(cargo metadata --locked --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/carrylane"

if (($# > 0)); then
    cells=("$@")
else
    # What the program itself names as possible values of --cell.
    read -ra cells <<<"$("$carrylane" train --help | grep -A 8 -- '--cell' | tr '\n' ' ' |
        sed 's/.*\[possible values: \([^]]*\)\].*/\1/' | tr -d ',')"
fi

field() { sed "s/.*\"$1\":\([^,}]*\).*/\1/"; }
median() { sort -g | awk '{ value[NR] = $1 } END { if (NR) print (value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2; else print "–" }'; }

echo "| cell | solved | samples, median | seconds, median |"
echo "|---|---|---|---|"
for cell in "${cells[@]}"; do
    solved=$(for ((seed = 0; seed < seeds; seed++)); do
        # An unsolved training answers with exit code 1, and with its summary all the same.
        { "$carrylane" train --cell "$cell" --seed "$seed" --threads 1 --json || (($? == 1)); } | tail -n 1
    done | grep '"solved":true' || true)
    count=$(grep -c . <<<"$solved" || true)
    echo "| $cell | $count of $seeds | $(grep . <<<"$solved" | field samples | median) | $(grep . <<<"$solved" | field seconds | median) |"
done
