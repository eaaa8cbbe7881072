# What the scripts share; to be sourced, from the top of the checkout. Sets `carrylane` to the program: what CARRYLANE names, or the
# release build of this checkout, which it brings up to date; and `target` to the folder of builds.
# shellcheck shell=bash

# shellcheck source=scripts/debian.sh
. scripts/debian.sh

target=$(cargo metadata --locked --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
if [[ -n ${CARRYLANE-} ]]; then
    carrylane=$(realpath "$CARRYLANE")
else
    cargo build --locked --release --quiet
    carrylane=$target/release/carrylane
fi

say() { printf '\n== %s\n' "$*" >&2; }
fail() {
    echo "error: $*" >&2
    exit 1
}

# The last two lines of JSON, proof and summary, of a training with some flags from each of SEEDS seeds, on one thread, in a line each. Who
# has not reached the goal answers with exit code 1, and with a summary all the same.
each_seed() {
    local seeds=$1 seed
    shift
    for ((seed = 0; seed < seeds; seed++)); do
        { "$carrylane" train "$@" --seed "$seed" --threads 1 --json || (($? == 1)); } | tail -n 2 | tr '\n' ' '
        echo
    done
}

# The value of a field of JSON lines.
field() { sed "s/.*\"$1\":\([^,}]*\).*/\1/"; }

# The median of numbers, a line each; a dash for none.
median() { sort -g | awk '{ value[NR] = $1 } END { if (NR) print (value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2; else print "–" }'; }

# What a record says of where it was made, and the folder it goes to.
machine() { awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo | sed "s/ *$//; s/$/, $(nproc --all) cores/"; }
commit() { git describe --always --dirty=-changed --exclude '*'; }
record_folder() {
    echo "benches/record/$(date -u +%F)-$(machine | sed 's/,.*//' | tr '[:upper:] ' '[:lower:]-' | tr -cd '[:alnum:]-')-$(commit)"
}
