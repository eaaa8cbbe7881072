#!/usr/bin/env bash
# Nets of every cell, trained, exported, and their theorems checked by Coq: each adds numbers of any width. Prints sizes, times and what the
# theorems assume, has the compiled files of the default net checked once more by coqchk, and shows that what is wrong is refused: a changed
# weight, too few levels, sums that 32 bits may not hold, a table that falls, another sum. Installs Debian's coq, 250 MB, if there is none.
#
#   scripts/check-theorem.sh               all of it
#   scripts/check-theorem.sh --default     the default net's theorem alone
#   scripts/check-theorem.sh --install     only installs
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."

case "${1-}" in
'' | --default | --install) ;;
*)
    echo "usage: scripts/check-theorem.sh [--default | --install]" >&2
    exit 2
    ;;
esac
# shellcheck source=scripts/debian.sh
. scripts/debian.sh
debian 'coqc coqchk' coq
if [[ "${1-}" == --install ]]; then exit; fi
# shellcheck source=scripts/common.sh
. scripts/common.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Compiles a net's file in a folder; says in words why if Coq does not take it: which sum goes wrong.
compile() {
    if (cd "$1" && coqc Net.v >says 2>&1); then return; fi
    (
        cd "$1"
        sed '/^Lemma checked/,$d' Net.v >Why.v
        printf 'Open Scope N_scope.\nCompute (well_formed the_net, offence the_net levels).\n' >>Why.v
        # Fails where the file is not even Coq.
        coqc Why.v >why 2>&1 || cat why says
        tr -d '\n' <why | sed -E -n '
            s/.*= \(false, .*/the net is not well formed: a row too short, a table that falls, or sums that 32 bits may not hold/p; t
            s/.*Some \(([0-9]+), ([0-9]+), Some ([0-9]+)\).*/the net answers \3 to \1 + \2/p; t
            s/.*Some \(([0-9]+), ([0-9]+), None\).*/at \1 + \2, sums may be too large for 32 bits/p; t
            s/.*None\).*/no fault is found, but there are more levels/p'
    )
    return 1
}

# Trains a net with some flags and has its theorem checked, in less than so many seconds of one core. Exported from the model and from the
# certificate, the theorem is the same.
theorem() {
    local limit=$1 name=$2 folder=$work/$2 states seconds TIMEFORMAT=%U
    shift 2
    "$carrylane" train "$@" --until proved --out "$folder/run" --quiet >/dev/null || fail "$name: it is not proved"
    states=$("$carrylane" prove "$folder/run" --certificate "$folder/proof" --coq "$folder" --json | tail -n 1 | field states)
    "$carrylane" prove --check "$folder/proof" --coq "$folder/again" --quiet >/dev/null
    cmp "$folder/Net.v" "$folder/again/Net.v" || fail "$name: another theorem from the certificate"
    if [[ -f $work/Theory.vo ]]; then cp -p "$work"/Theory.* "$folder"; else
        (cd "$folder" && coqc Theory.v) || fail 'the theory does not compile'
        cp -p "$folder"/Theory.* "$work"
    fi
    { time compile "$folder" >"$folder/told"; } 2>"$folder/seconds" || fail "$name: $(cat "$folder/told")"
    seconds=$(cat "$folder/seconds")
    grep -qx 'Closed under the global context' "$folder/says" || fail "$name: it rests on $(cat "$folder/says")"
    echo "| $name | $states | $(wc -c <"$folder/Net.v") | $seconds | none |"
    awk -v s="$seconds" -v limit="$limit" 'BEGIN { exit !(s < limit) }' || fail "$name: $seconds s, want less than $limit"
}

echo '| net | states | bytes of Net.v | s of Coq | axioms |'
echo '|---|---|---|---|---|'
theorem 5 default
if [[ "${1-}" == --default ]]; then exit; fi
theorem 5 elman-8 --hidden 8
theorem 20 elman-64 --hidden 64
theorem 60 dynamic-16 --cell dynamic --hidden 16
theorem 60 lstm-8 --cell lstm --hidden 8
theorem 60 lstm-notebook-8 --cell lstm --lstm-form notebook --hidden 8
theorem 60 lstm-16 --cell lstm --hidden 16

say 'the states that Coq finds'
cd "$work/default"
sed '/^Lemma checked/,$d' Net.v >Count.v
echo 'Compute match go the_net levels with Met all _ => FMapPositive.PositiveMap.cardinal all | _ => 0%nat end.' >>Count.v
found=$(coqc Count.v | sed -n 's/^ *= \([0-9]*\).*/\1/p')
states=$("$carrylane" prove --check proof --json | field states)
[[ $found == "$states" ]] || fail "Coq finds $found states, the walk $states"
echo "$found, as many as the walk"

say 'coqchk'
coqchk -silent -o Net >"$work/checked" 2>&1 || fail "coqchk: $(cat "$work/checked")"
grep 'Axioms: <none>' "$work/checked" || fail "coqchk: $(cat "$work/checked")"

# Whether Coq refuses a file of the default net with a change, as a script for sed; `told` is what is said then.
refuses() {
    local file=$1 change=$2 changed=$work/changed
    rm -rf "$changed"
    mkdir "$changed"
    cp -p "$work"/Theory.* "$work/default/Net.v" "$changed"
    sed -i -E "$change" "$changed/$file"
    ! cmp -s "$changed/$file" "$work/default/$file" || fail "nothing is changed by $change"
    if [[ $file == Net.v ]]; then
        if told=$(compile "$changed"); then return 1; fi
    elif told=$(cd "$changed" && coqc "$file" 2>&1); then
        return 1
    fi
}
refused() {
    local name=$1 wanted=$4
    refuses "$2" "$3" || fail "$name: Coq takes it"
    grep -q "$wanted" <<<"$told" || fail "$name: $told"
    echo "$name: refused; $(tail -n 1 <<<"$told")"
}

say 'what is refused'
levels=$(sed -n 's/.*levels : nat := \([0-9]*\)\..*/\1/p' Net.v)
refused 'one level less' Net.v "s/(levels : nat := ).*/\1$((levels - 1))./" 'more levels'
# Nets are robust: with one weight of w_hh changed, most add as before, and Coq takes them rightly. The output hangs on its weights.
for ((before = 0; ; before++)); do
    weight="s/(w_ho := \[(-?[0-9]+; ){$before})-?[0-9]+/\1200000/"
    if refuses Net.v "$weight" && [[ $told == *'the net answers'* ]]; then break; fi
done
refused "output weight $before is 200000" Net.v "$weight" 'the net answers'
refused 'a threshold of 200000' Net.v 's/threshold := -?[0-9]+/threshold := 200000/' 'the net answers'
refused 'a weight of 2^31' Net.v 's/(w_hh := \[\[\[)-?[0-9]+/\12147483648/' 'not well formed'
refused 'a table that falls' Net.v 's/(phi := .*thresholds := \[[^]]*)/\1; -1000000000/' 'not well formed'
refused 'a row too short' Net.v 's/(w_hh := \[\[\[)-?[0-9]+; /\1/' 'not well formed'
refused 'a state larger than it may be' Net.v 's/most := [0-9]+/most := 0/' 'too large'
refused 'a sum without its carry' Theory.v 's/xorb \(xorb a b\) k/xorb a b/' 'Error'
