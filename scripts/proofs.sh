#!/usr/bin/env bash
# Trains nets of every cell from many seeds until they are proved to add correctly at every bit width, and prints a Markdown table of how
# many are, as integer networks and as floats, how long it took, training and proof, and how many states the proof has. One thread, 8 bits. What the others came to follows
# on standard error.
#
#   scripts/proofs.sh [SEEDS] [NET…]     default: 100 seeds; a net is its flags: '--hidden 16', '--cell lstm --hidden 8'
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."

seeds=${1:-100}
shift $(($# > 0 ? 1 : 0))
# shellcheck source=scripts/common.sh
. scripts/common.sh

nets=("$@")
if (($# == 0)); then
    nets=('--hidden 4' '--hidden 8' '--hidden 16' '--hidden 64' '--cell dynamic --hidden 16' '--cell lstm --hidden 8'
        '--cell lstm --hidden 16' '--cell lstm --lstm-form notebook --hidden 8')
fi

echo "| net | integer network proved | floats proved | ms in all, median | ms, longest | of it in proofs | states, median | states, most | q |"
echo "|---|---|---|---|---|---|---|---|---|"
for net in "${nets[@]}"; do
    # Proof and summary of each training.
    # shellcheck disable=SC2086 # a net is several words
    all=$(each_seed "$seeds" --until proved $net)
    proved=$(grep '"proved":true' <<<"$all" || true)
    count=$(grep -c . <<<"$proved" || true)
    floats=$(grep -c '"floats":{"holds":true' <<<"$proved" || true)
    # The summary's time is the line's last.
    seconds() { sed 's/.*"samples":[0-9]*,"seconds":\([^,]*\).*/\1/'; }
    ms() { awk '{ printf "%.0f", $1 * 1000 }'; }
    share=$(paste <(field prove_seconds <<<"$proved") <(seconds <<<"$proved") | awk '{ print 100 * $1 / $2 }' | median)
    states=$(field states <<<"$proved")
    qs=$(field q <<<"$proved" | sort -n | uniq -c | awk '{ printf "%s%s (%s)", sep, $2, $1; sep = ", " }')
    printf '| %s | %s of %s | %s | %s | %s | %.0f %% | %s | %s | %s |\n' "${net//--/}" "$count" "$seeds" "$floats" "$(seconds <<<"$proved" | median | ms)" \
        "$(seconds <<<"$proved" | sort -g | tail -n 1 | ms)" "$share" "$(median <<<"$states")" "$(sort -g <<<"$states" | tail -n 1)" "$qs"
    grep -v '"proved":true' <<<"$all" | sed 's/.*"outcome":"\([a-z]*\)".*/\1/' | sort | uniq -c | sed "s/^ */$net: /" >&2 || true
done
