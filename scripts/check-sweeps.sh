#!/usr/bin/env bash
# Sweeps on the engines they are made for, run for real on this machine: Slurm, Ray, disks that are full or cannot be written. Each gives
# the file that a plain local run gives. Needs root, Debian packages and Ray, which it installs; what cannot be installed is a failure.
#
#   scripts/check-sweeps.sh [disks] [slurm] [ray]     default: all three
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."

# shellcheck source=scripts/common.sh
. scripts/common.sh
work=$(mktemp -d)
chmod 755 "$work"
words=(hidden=4,8 bits=4,6 seed=0..12 lr=0.03,0.05)
started=()

finish() {
    local code=$?
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    for disk in full fixed; do mountpoint -q "$work/$disk" && umount "$work/$disk"; done
    rm -rf "$work"
    exit "$code"
}
trap finish EXIT

# Waits until a command succeeds.
await() {
    local seconds=$1
    shift
    for ((i = 0; i < seconds * 10; i++)); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.1
    done
    fail "waited $seconds s for: $*"
}
plan() { "$carrylane" sweep plan "${words[@]}" -o "$1" >/dev/null; }
merge() { "$carrylane" sweep merge "$1" -o "$2" >/dev/null; }
same() {
    merge "$1" "$work/other.csv"
    cmp "$reference" "$work/other.csv" || fail "$2: another result than the local run"
    echo "$2: the same result as the local run" >&2
}
done_all() { "$carrylane" sweep status "$1"; }
some_done() { [[ -s $1/shards/$2 ]]; }

plan "$work/local"
"$carrylane" sweep run "$work/local" >/dev/null
reference=$work/local.csv
merge "$work/local" "$reference"

check_disks() {
    say 'a disk that is full'
    mkdir "$work/full" "$work/fixed"
    mount -t tmpfs -o size=64k tmpfs "$work/full" || fail 'cannot mount a small disk; run as root'
    plan "$work/full/sweep"
    local code=0
    "$carrylane" sweep run "$work/full/sweep" 2>"$work/says" || code=$?
    grep -q 'No space left on device' "$work/says" && ((code == 74)) || fail "a full disk: exit code $code, $(cat "$work/says")"
    local kept
    kept=$("$carrylane" sweep status "$work/full/sweep" --json | field done || true)
    ((kept > 0)) || fail 'a full disk: nothing was kept'
    mount -o remount,size=4m "$work/full"
    "$carrylane" sweep run "$work/full/sweep" >/dev/null
    local lines
    lines=$(cat "$work"/full/sweep/shards/*.jsonl | grep -c '"check"') || true
    ((lines <= 97)) || fail "a full disk: $lines lines for 96 trials"
    same "$work/full/sweep" "after a full disk, $kept of 96 trials kept"

    say 'a disk that cannot be written'
    mount -t tmpfs tmpfs "$work/fixed"
    plan "$work/fixed/sweep"
    mount -o remount,ro "$work/fixed"
    code=0
    "$carrylane" sweep run "$work/fixed/sweep" 2>"$work/says" || code=$?
    grep -q 'Read-only file system' "$work/says" && ((code == 74)) || fail "a disk that cannot be written: exit code $code, $(cat "$work/says")"
    cat "$work/says" >&2
}

check_slurm() {
    say 'Slurm'
    debian 'slurmctld slurmd munged' slurmctld slurmd slurm-client munge
    local host
    host=$(hostname -s)
    mkdir -p /run/munge "$work/state" "$work/spool"
    chown munge: /run/munge
    export SLURM_CONF=$work/slurm.conf
    cat >"$SLURM_CONF" <<CONF
ClusterName=here
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SlurmdParameters=config_overrides
ReturnToService=2
RequeueExit=75
MpiDefault=none
SchedulerParameters=sched_interval=1
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
    if ! pgrep -x munged >/dev/null; then
        # In the foreground, so that it can be ended with the others; what was running before is left running.
        runuser -u munge -- munged --foreground >"$work/munged.out" 2>&1 &
        started+=($!)
        await 60 munge --no-input
    fi
    slurmctld -D >"$work/slurmctld.out" 2>&1 &
    started+=($!)
    slurmd -D >"$work/slurmd.out" 2>&1 &
    started+=($!)
    await 120 sinfo --noheader --states=idle -o %n
    await 120 bash -c 'sinfo --noheader -o %t | grep -q idle'

    # Slower trials, so that a task can be met at work: one is told to stop, which requeues it, and one is killed.
    local folder=$work/slurm
    local words=(hidden=16 bits=8 updates=12000 seed=0..30) reference=$work/slower.csv
    plan "$work/slower"
    "$carrylane" sweep run "$work/slower" >/dev/null
    merge "$work/slower" "$reference"
    plan "$folder"
    local job
    job=$("$carrylane" sweep submit "$folder" --engine slurm --shards 6 --at-once 2 --json | sed 's/.*batch job \([0-9]*\).*/\1/')
    await 120 some_done "$folder" shard-1-of-6.jsonl
    # Both at once, lest one be done before the other is met. What scancel answers says little while a job is on its way from one state to
    # another; what happened to the tasks does.
    met() {
        scancel --signal=KILL --full "${job}_1" || true
        grep -q 'interrupted after' "$folder"/slurm-"${job}"_0.log || scancel --signal=TERM --batch "${job}_0" || true
        scontrol show job "${job}_1" | grep -Eq 'JobState=(FAILED|CANCELLED)' &&
            grep -q 'interrupted after' "$folder"/slurm-"${job}"_0.log
    }
    await 120 met
    echo "job $job: one task killed, one told to stop" >&2
    squeue --array >&2
    # A requeued task waits two minutes by itself; that is Slurm's, and is not waited for here.
    hurry() {
        for task in $(squeue --noheader --array --states=PENDING -o %i -n carrylane); do
            scontrol update JobId="$task" StartTime=now || true
        done
        ! squeue --noheader -n carrylane | grep -q .
    }
    await 120 hurry
    cat "$folder"/slurm-*.log >&2
    if ! done_all "$folder" >&2; then
        "$carrylane" sweep submit "$folder" --engine slurm --shards 6 >/dev/null
        await 120 hurry
    fi
    same "$folder" 'Slurm, 6 shards, one requeued and one killed'
}

check_ray() {
    say 'Ray'
    local python=$work/ray/bin/python
    python3 -m venv "$work/ray"
    "$python" -m pip install --quiet --disable-pip-version-check ray || fail 'cannot install Ray'
    local folder=$work/ray-sweep
    plan "$folder"
    # The first time, shard 0 is told to stop and shard 1 is killed; the launcher must start both again.
    cat >"$work/unlucky" <<SHIM
#!/bin/bash
if [[ \$5 == 0/6 && ! -e $work/stopped ]]; then
    touch "$work/stopped"
    exec timeout --preserve-status -s TERM 0.1 "$carrylane" "\$@"
fi
if [[ \$5 == 1/6 && ! -e $work/killed ]]; then
    touch "$work/killed"
    kill -9 \$\$
fi
exec "$carrylane" "\$@"
SHIM
    chmod +x "$work/unlucky"
    "$python" scripts/sweep_ray.py "$folder" --shards 6 --num-cpus 2 --carrylane "$work/unlucky"
    [[ -e $work/stopped && -e $work/killed ]] || fail 'Ray: no shard was stopped, or none killed'
    same "$folder" 'Ray, 6 shards, one stopped and one killed'
}

if (($# == 0)); then set -- disks slurm ray; fi
for check in "$@"; do
    case $check in
    disks | slurm | ray) "check_$check" ;;
    *) fail "no check '$check': want disks, slurm, ray" ;;
    esac
done
