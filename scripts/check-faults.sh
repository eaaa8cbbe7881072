#!/usr/bin/env bash
# Run folders under faults, for real: kills at random instants, full disks, folders that cannot be written or vanish, closed pipes. Whatever
# happens, the run ends with the net of one that nothing happened to. Needs root, for a disk of its own.
#
#   scripts/check-faults.sh [KILLS]     default: 200
#   CARRYLANE=PROGRAM scripts/check-faults.sh     another program than the release build of this checkout
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."

kills=${1:-200}
# shellcheck source=scripts/common.sh
. scripts/common.sh
work=$(mktemp -d)
chmod 755 "$work"
finish() {
    local code=$?
    if mountpoint -q "$work/disk"; then umount "$work/disk"; fi
    rm -rf "$work"
    exit "$code"
}
trap finish EXIT

# The hash of the net a run ended with.
hash_of() { grep '"type":"end"' "$1/metrics.jsonl" | sed 's/.*"weights_hash":"\([^"]*\)".*/\1/'; }
# Runs a command that should end with a code.
ends() {
    local wanted=$1 code=0
    shift
    "$@" >"$work/out" 2>"$work/err" || code=$?
    if [[ $code != "$wanted" ]]; then
        cat "$work/out" "$work/err" >&2
        fail "exit $code, want $wanted: $*"
    fi
}

# Trainings with two stages, with a fixed set, with a minibatch of several shards.
trainings=(
    '--hidden 8 --bits 6 --seed 1'
    '--hidden 6 --dataset 300 --shuffle --epochs 800 --clip-norm 0.5'
    '--hidden 12 --batch 1200 --updates 700'
)

say "$kills kills at random instants"
RANDOM=1
done=0 runs=0 resumed=0
for k in "${!trainings[@]}"; do
    read -ra flags <<<"${trainings[$k]}"
    began=$(date +%s%N)
    ends 0 "$carrylane" train "${flags[@]}" --out "$work/whole-$k"
    length=$((($(date +%s%N) - began) / 1000000))
    wanted=$(hash_of "$work/whole-$k")
    rm -rf "$work/run"
    share=$((kills / ${#trainings[@]} + (k < kills % ${#trainings[@]})))
    # Only those count that ended a process.
    for ((kill = 0; kill < share; )); do
        # A folder with settings is a run; without, the same command begins it.
        if [[ -e $work/run/config.toml ]]; then
            command=(train --resume "$work/run" --checkpoint-every $((1 + RANDOM % 60)) --threads $((1 + RANDOM % 3)))
            resumed=$((resumed + 1))
        else
            command=(train "${flags[@]}" --out "$work/run" --checkpoint-every $((1 + RANDOM % 60)))
        fi
        "$carrylane" "${command[@]}" >"$work/out" 2>&1 &
        pid=$!
        ms=$((RANDOM * length / 32768))
        sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
        code=0
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || code=$?
        if [[ $code == 0 ]]; then
            # It was over before: held against the other, and begun anew.
            [[ $(hash_of "$work/run") == "$wanted" ]] || fail "training $k, kill $kill: another net"
            runs=$((runs + 1))
            rm -rf "$work/run"
        elif [[ $code == 137 ]]; then
            kill=$((kill + 1)) done=$((done + 1))
        else
            cat "$work/out" >&2
            fail "training $k, kill $kill: exit $code of ${command[*]}"
        fi
    done
    if [[ -e $work/run/config.toml ]]; then
        ends 0 "$carrylane" train --resume "$work/run"
        [[ $(hash_of "$work/run") == "$wanted" ]] || fail "training $k: another net after its kills"
        ends 0 "$carrylane" compare "$work/whole-$k" "$work/run"
        runs=$((runs + 1))
    fi
done
echo "$done kills, $resumed resumptions, $runs runs to their end, every one with the net and the curve of an undisturbed one"

say 'a full disk'
read -ra flags <<<"${trainings[0]}"
mkdir "$work/disk"
for size in 24k 64k 100k 140k; do
    mount -t tmpfs -o size=$size tmpfs "$work/disk"
    ends 74 "$carrylane" train "${flags[@]}" --out "$work/disk/run" --checkpoint-every 5
    grep -q 'No space left' "$work/err" || fail "no word of the disk: $(cat "$work/err")"
    mount -o remount,size=32m "$work/disk"
    if [[ -e $work/disk/run/config.toml ]]; then
        ends 0 "$carrylane" train --resume "$work/disk/run"
        [[ $(hash_of "$work/disk/run") == "$(hash_of "$work/whole-0")" ]] || fail "$size: another net after the disk was full"
    fi
    umount "$work/disk"
    echo "$size: exit 74, and the same net once there is room"
done

say 'a folder that cannot be written'
mkdir "$work/locked"
chmod 755 "$work/locked"
cp "$carrylane" "$work/carrylane"
chmod 755 "$work/carrylane"
ends 74 setpriv --reuid=65534 --regid=65534 --clear-groups "$work/carrylane" train --out "$work/locked/run"
grep -q 'Permission denied' "$work/err" || fail "no word of permissions: $(cat "$work/err")"

say 'a folder that vanishes'
"$carrylane" train --updates 100000000 --out "$work/gone" --checkpoint-every 20 >/dev/null 2>"$work/err" &
pid=$!
for ((i = 0; i < 200; i++)); do if [[ -e $work/gone/checkpoints ]]; then break; fi; sleep 0.05; done
mv "$work/gone" "$work/elsewhere"
code=0
wait "$pid" || code=$?
[[ $code == 74 ]] || fail "a folder that vanishes: exit $code: $(cat "$work/err")"

say 'a closed pipe'
"$carrylane" train "${flags[@]}" --out "$work/pipe" --json 2>"$work/err" | head -c 1 >/dev/null
[[ $(hash_of "$work/pipe") == "$(hash_of "$work/whole-0")" && ! -s $work/err ]] || fail "a closed pipe: $(cat "$work/err")"

say 'signals'
"$carrylane" train --updates 100000000 --out "$work/signal" >/dev/null 2>"$work/err" &
pid=$!
for ((i = 0; i < 200; i++)); do if [[ -s $work/signal/metrics.jsonl ]]; then break; fi; sleep 0.05; done
kill -TERM "$pid"
code=0
wait "$pid" || code=$?
[[ $code == 75 ]] || fail "SIGTERM: exit $code: $(cat "$work/err")"
ends 0 "$carrylane" train --resume "$work/signal" --updates 100000
echo 'all as it should be'
