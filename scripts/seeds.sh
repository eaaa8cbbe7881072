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
# shellcheck source=scripts/common.sh
. scripts/common.sh

cells=("$@")
if (($# == 0)); then
    cells=(elman dynamic lstm 'lstm --lstm-form notebook')
fi

echo "| cell | solved | samples, median | seconds, median |"
echo "|---|---|---|---|"
for cell in "${cells[@]}"; do
    # shellcheck disable=SC2086 # a cell may come with its form
    summaries=$(each_seed 1 "$seeds" --until solved --cell $cell)
    solved=$(grep '"solved":true' <<<"$summaries" || true)
    count=$(grep -c . <<<"$solved" || true)
    echo "| $cell | $count of $seeds | $(grep . <<<"$solved" | field samples | median) | $(grep . <<<"$solved" | field seconds | median) |"
done
