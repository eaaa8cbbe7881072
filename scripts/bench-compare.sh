#!/usr/bin/env bash
# Tells a change of speed from noise: two revisions take turns on one core, A B, B A, A B …, each case in every round, and each case gets
# the median ratio of its pairs, an interval that assumes nothing about the noise, and a verdict. Exits with 1 if a case is slower.
#
#   scripts/bench-compare.sh BASE          BASE against this checkout, uncommitted changes and all
#   scripts/bench-compare.sh BASE HEAD     … against another revision; the same twice shows what is noise
#   CASES='--hidden 16 --batch 64;--cell lstm --hidden 64' scripts/bench-compare.sh BASE
#
# CASES are flags of `carrylane bench`, semicolons between them; CORE (1) is the core, PAIRS (40) how many of each case, TURN (0.15) the
# seconds of a turn, THRESHOLD (5) the change in percent that matters. The turns stay in target/compare/turns.jsonl.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."

if (($# < 1 || $# > 2)) || [[ $1 == -* ]]; then
    sed -n '/^#!/d; /^#/!q; s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
: "${CORE:=1}" "${PAIRS:=40}" "${TURN:=0.15}" "${THRESHOLD:=5}"
cases='--hidden 16 --batch 64;--hidden 16;--hidden 64;--hidden 256;--cell lstm --hidden 16;--cell lstm --hidden 64;--cell dynamic --hidden 16'
IFS=';' read -ra cases <<<"${CASES:-$cases}"
# shellcheck source=scripts/common.sh
. scripts/common.sh
work=$target/compare
mkdir -p "$work"

# The program of a commit, built in a work tree of its own and kept.
program() {
    local commit=$1
    if [[ ! -x $work/$commit ]]; then
        echo "building $commit" >&2
        git worktree remove --force "$work/tree" 2>"$work/log" || rm -rf "$work/tree"
        git worktree prune
        git worktree add --quiet --detach "$work/tree" "$commit"
        (cd "$work/tree" && CARGO_TARGET_DIR=$work/build cargo build --locked --release --quiet)
        cp "$work/build/release/carrylane" "$work/$commit"
        git worktree remove --force "$work/tree"
    fi
    echo "$work/$commit"
}

# Both are named before either is built: a build takes minutes, and HEAD may move meanwhile.
revisions=()
for revision in "$@"; do
    revisions+=("$(git rev-parse --short --verify "$revision^{commit}")")
done
base=$(program "${revisions[0]}")
if (($# == 2)); then
    head=$(program "${revisions[1]}")
    named=${revisions[1]}
else
    # A copy: both files are then read from the same place, and a build meanwhile changes nothing.
    head=$work/checkout
    cp "$carrylane" "$head"
    named=$(commit)
fi

# One turn: a JSON line of `bench`, with who took it.
turn() {
    local side=$1 pair=$2 program=$3 flags=$4
    # shellcheck disable=SC2086 # a case is several words
    taskset -c "$CORE" "$program" bench --json --threads 1 --seconds "$TURN" $flags | sed -n "1s/^{/{\"side\":\"$side\",\"pair\":$pair,/p"
}

for ((pair = 0; pair < PAIRS; pair++)); do
    for flags in "${cases[@]}"; do
        if ((pair % 2)); then
            turn head "$pair" "$head" "$flags"
            turn base "$pair" "$base" "$flags"
        else
            turn base "$pair" "$base" "$flags"
            turn head "$pair" "$head" "$flags"
        fi
    done
    printf '\r%d of %d pairs' $((pair + 1)) "$PAIRS" >&2
done >"$work/turns.jsonl"
echo >&2

echo "$(machine), core $CORE, one thread; base $1 (${revisions[0]}), head ${2-this checkout} ($named);"
echo "\`CORE=$CORE PAIRS=$PAIRS TURN=$TURN scripts/bench-compare.sh $*\`"
echo
python3 scripts/bench_compare.py --threshold "$THRESHOLD" <"$work/turns.jsonl"
