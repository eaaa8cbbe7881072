#!/usr/bin/env bash
# Tries nets whose floats are proved on a million random sums of 64 bits each, on adversarial ones of 65,536 bits, and on the worst of 4,096
# bits that a search finds: none may be wrong. Exit 1 if one is.
#
#   scripts/proved.sh [SEEDS] [FLAGS…]     default: 100 seeds of 'train --until proved'
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."

seeds=${1:-100}
shift $(($# > 0 ? 1 : 0))
# shellcheck source=scripts/common.sh
. scripts/common.sh

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
proved=0 wrong=0
for ((seed = 0; seed < seeds; seed++)); do
    rm -rf "$folder/run"
    "$carrylane" train --until proved --seed "$seed" --threads 1 --out "$folder/run" "$@" --quiet >"$folder/told" || (($? == 1))
    grep -q '^proved (floats' "$folder/told" || continue
    proved=$((proved + 1))
    for sums in '--bits 64 --pattern uniform --pairs 1000000' '--bits 65536 --pattern adversarial' '--bits 4096 --pattern worst'; do
        # shellcheck disable=SC2086 # sums are several words
        if ! "$carrylane" eval --model "$folder/run" $sums >"$folder/told"; then
            echo "seed $seed is proved, and wrong with $sums:"
            cat "$folder/told"
            wrong=$((wrong + 1))
        fi
    done
done
echo "$proved of $seeds nets are proved as floats; $wrong tries found one of them wrong"
((wrong == 0))
