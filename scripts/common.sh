# What the scripts share; to be sourced, from the top of the checkout. Builds the program, unless CARRYLANE_BUILT is set, and sets
# `carrylane` to it.
# shellcheck shell=bash

if [[ -z ${CARRYLANE_BUILT-} ]]; then cargo build --locked --release --quiet; fi
target=$(cargo metadata --locked --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
# shellcheck disable=SC2034 # used by who sources this
carrylane=$target/release/carrylane

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
