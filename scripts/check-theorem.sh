#!/usr/bin/env bash
# Nets of every cell, trained, exported, and their theorems checked by Coq: each adds numbers of any width, as integers and as floats.
# Prints sizes, times and what the theorems assume, has compiled files checked once more by coqchk, and shows that what is wrong is
# refused: a changed weight, a smaller box, too few levels, sums that 32 bits may not hold, a table that falls, another sum, another ε.
# Installs Debian's coq, 250 MB, if there is none.
#
#   scripts/check-theorem.sh               all of it
#   scripts/check-theorem.sh --default     the default net's theorems alone
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

# Compiles a net's file in a folder; says in words why if Coq does not take it: which sum goes wrong, or which box is left.
compile() {
    local file=$2
    if (cd "$1" && coqc "$file" >says 2>&1); then return; fi
    (
        cd "$1"
        sed '/^Lemma checked/,$d' "$file" >Why.v
        if [[ $file == Net.v ]]; then
            printf 'Open Scope N_scope.\nCompute (well_formed the_net, offence the_net levels).\n' >>Why.v
        else
            sed -n -E 's/^Lemma checked : check the_net ([0-9]+) boxes .*/\
                Definition all := list_prod (seq 0 (length boxes)) inputs.\
                Definition fine := flat_map (fun from => map (right the_net \1 boxes from (products the_net from)) inputs) boxes.\
                Compute (well_formed the_net, find (fun x => negb (snd x)) (combine all fine))./p' "$file" >>Why.v
        fi
        # Fails where the file is not even Coq.
        coqc Why.v >why 2>&1 || cat why says
        tr -d '\n' <why | sed -E -n '
            s/.*= \(false, .*/the net is not well formed: a row too short, a table that falls, or sums that 32 bits may not hold/p; t
            s/.*Some \(([0-9]+), ([0-9]+), Some ([0-9]+)\).*/the net answers \3 to \1 + \2/p; t
            s/.*Some \(([0-9]+), ([0-9]+), None\).*/at \1 + \2, sums may be too large for 32 bits/p; t
            s/.*Some \(([0-9]+)%nat, \((true|false), (true|false)\), false\).*/from box \1, inputs a = \2, b = \3 may lead astray/p; t
            s/.*None\).*/no fault is found, but there are more levels, or the start lies in no box/p'
    )
    return 1
}

# Has a net's file in a folder checked in less than so many seconds of one core: a row of the table.
row() {
    local limit=$1 name=$2 folder=$3 file=$4 count=$5 seconds TIMEFORMAT=%U
    { time compile "$folder" "$file" >"$folder/told"; } 2>"$folder/seconds" || fail "$name: $(cat "$folder/told")"
    seconds=$(cat "$folder/seconds")
    grep -qx 'Closed under the global context' "$folder/says" || fail "$name: it rests on $(cat "$folder/says")"
    echo "| $name | $file | $count | $(wc -c <"$folder/$file") | $seconds | none |"
    awk -v s="$seconds" -v limit="$limit" 'BEGIN { exit !(s < limit) }' || fail "$name: $seconds s, want less than $limit"
}

# Trains a net with some flags and has its theorems checked, of integers and of floats. Exported from the model and from the certificates,
# the theorems are the same.
theorem() {
    local limit=$1 float_limit=$2 name=$3 folder=$work/$3 told file
    shift 3
    "$carrylane" train "$@" --until proved --out "$folder/run" --quiet >/dev/null || fail "$name: it is not proved"
    told=$("$carrylane" prove "$folder/run" --certificate "$folder/proof" --float-certificate "$folder/boxes" --coq "$folder" --json)
    "$carrylane" prove --check "$folder/proof" --coq "$folder/again" --quiet >/dev/null
    "$carrylane" prove --check "$folder/boxes" --coq "$folder/again" --quiet >/dev/null
    for file in Net.v FloatNet.v; do
        cmp "$folder/$file" "$folder/again/$file" || fail "$name: another theorem from the certificate"
    done
    if [[ ! -d $work/theories ]]; then
        mkdir "$work/theories"
        cp "$folder"/{Theory,Floats,FloatsProof,FloatsReals}.v "$work/theories"
        for file in Theory Floats FloatsProof; do (cd "$work/theories" && coqc $file.v) || fail "$file.v does not compile"; done
    fi
    cp -p "$work"/theories/* "$folder"
    row "$limit" "$name" "$folder" Net.v "$(tail -n 1 <<<"$told" | field states)"
    row "$float_limit" "$name" "$folder" FloatNet.v "$("$carrylane" prove --check "$folder/boxes" --json | field boxes)"
}

echo '| net | file | states or boxes | bytes | s of Coq | axioms |'
echo '|---|---|---|---|---|---|'
theorem 5 20 default
if [[ "${1-}" == --default ]]; then exit; fi
theorem 5 20 elman-8 --hidden 8
theorem 20 90 elman-64 --hidden 64
# Noise enough that the floats are proved too.
theorem 60 60 dynamic-16 --cell dynamic --hidden 16 --bits 16 --noise 0.5
theorem 60 60 lstm-8 --cell lstm --hidden 8
theorem 60 60 lstm-notebook-8 --cell lstm --lstm-form notebook --hidden 8
theorem 60 90 lstm-16 --cell lstm --hidden 16

say 'the states that Coq finds'
cd "$work/default"
sed '/^Lemma checked/,$d' Net.v >Count.v
echo 'Compute match go the_net levels with Met all _ => FMapPositive.PositiveMap.cardinal all | _ => 0%nat end.' >>Count.v
found=$(coqc Count.v | sed -n 's/^ *= \([0-9]*\).*/\1/p')
states=$("$carrylane" prove --check proof --json | field states)
[[ $found == "$states" ]] || fail "Coq finds $found states, the walk $states"
echo "$found, as many as the walk"

say 'coqchk, which computes too slowly for the boxes of floats'
for file in Net FloatsProof; do
    coqchk -silent -o $file >"$work/checked" 2>&1 || fail "coqchk: $(cat "$work/checked")"
    grep 'Axioms: <none>' "$work/checked" || fail "coqchk: $(cat "$work/checked")"
done

say 'what FloatsReals.v rests on: that the σ and tanh of the real numbers are meant, and that evaluations there are'
coqc FloatsReals.v

# Whether Coq refuses a file of the default net with a change, as a script for sed; `told` is what is said then. A definition may be refused
# by the proof about it.
refuses() {
    local file=$1 change=$2 changed=$work/changed
    rm -rf "$changed"
    mkdir "$changed"
    cp -p "$work"/theories/* "$work"/default/{Net,FloatNet}.v "$changed"
    sed -i -E "$change" "$changed/$file"
    ! cmp -s "$changed/$file" "$work/default/$file" || fail "nothing is changed by $change"
    if [[ $file == *Net.v ]]; then
        if told=$(compile "$changed" "$file"); then return 1; fi
    elif told=$(cd "$changed" && coqc "$file" 2>&1 && if [[ $file == Floats.v ]]; then coqc FloatsProof.v 2>&1; fi); then
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
refused 'an output bias of the floats changed' FloatNet.v 's/(output := .*bias := )-?[0-9]+/\199999999999/' 'from box'
refused 'a smaller box' FloatNet.v '0,/^  Box/s/^(  Box [^[]*\[)\((-?[0-9]+), (-?[0-9]+)\)/\1(\3, \3)/' 'from box'
refused 'an ε ten times as large' FloatNet.v 's/(epsilon := [0-9]+)/\10/' 'from box'
refused 'a row too short, of the floats' FloatNet.v '0,/w_hh := /s/(w_hh := \[)-?[0-9]+; /\1/' 'not well formed'
refused 'another answer' Floats.v 's/negb \(Qle_bool/(Qle_bool/' 'Error'
refused 'twice the error in a sum' Floats.v 's/real n \(epsilon n\) \* \(1/2 * real n (epsilon n) * (1/' 'Error'
refused 'twice the error in an activation' Floats.v 's/(below k f z - )real/\12 * real/' 'Error'
