#!/usr/bin/env bash
# What carrylane is built from: every dependency, for every platform, under a licence that is allowed here, from the one registry, with its
# checksum locked, and with the same features for programs and tests. Known vulnerabilities are not looked up: that takes a database from the network; `cargo deny check advisories` does it.
#
#   scripts/check-supply.sh              a line for each licence; exit 1 if anything is not allowed
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."

# Permissive licences whose terms a program under "MIT OR Apache-2.0" can meet. A new one is a decision: add it here.
allowed='MIT|Apache-2\.0|Apache-2\.0-WITH-LLVM-exception|BSD-2-Clause|BSD-3-Clause|ISC|Zlib|0BSD|CC0-1\.0|Unlicense|Unicode-3\.0|BSL-1\.0|MIT-0'
failed=0

# Packages, their licences as expressions: words are 1 if allowed, and the shell does the rest.
while IFS='|' read -r package licence; do
    words=$(sed -E 's/ WITH /-WITH-/g; s# */ *# OR #g; s/[()]/ & /g' <<<"$licence")
    expression=
    for word in $words; do
        case $word in
        OR) expression+=' || ' ;;
        AND) expression+=' && ' ;;
        '(' | ')') expression+=$word ;;
        *) if [[ $word =~ ^($allowed)$ ]]; then expression+=1; else expression+=0; fi ;;
        esac
    done
    if ! ((${expression:-0})); then
        echo "not allowed: $package: '${licence:-no licence}'" >&2
        failed=1
    fi
done < <(cargo tree --locked --target all --all-features --edges normal,build,dev --prefix none --format '{p}|{l}' | sed 's/ (\*)$//' | sort -u)

# The lock file: nothing from a repository or a folder, all with a checksum.
awk '
    /^name = /     { name = $3; packages++ }
    /^source = /   { if ($3 !~ /^"registry\+/) { print "not from a registry: " name ": " $3 > "/dev/stderr"; bad = 1 } sources[$3]++; sourced++ }
    /^checksum = / { sums++ }
    END {
        for (source in sources) registries++
        if (packages != sourced + 1) { print "packages without a source: " packages - sourced - 1 > "/dev/stderr"; bad = 1 }
        if (sums != sourced)         { print "packages without a checksum: " sourced - sums > "/dev/stderr"; bad = 1 }
        if (registries != 1)         { print "registries: " registries > "/dev/stderr"; bad = 1 }
        exit bad
    }' Cargo.lock || failed=1

# Dev-dependencies give the library's packages no other features: else `cargo test` compiles the library once more.
features() { cargo tree --locked --edges "$1" --prefix none --format '{p} {f}' | sed 's/ (\*)$//' | sort -u; }
others=$(comm -23 <(features normal,build) <(features normal,build,dev))
if [[ -n $others ]]; then
    echo "other features under test, give them in Cargo.toml: $others" >&2
    failed=1
fi

cargo tree --locked --target all --all-features --edges normal,build,dev --prefix none --format '{p}|{l}' | sed 's/ (\*)$//' | sort -u |
    awk -F'|' '{ count[$2]++; all++ } END { for (licence in count) printf "%4d  %s\n", count[licence], licence; printf "%4d  packages\n", all }' | sort -rn
if ((failed)); then exit 1; fi
echo 'licences, registry and checksums are as they should be; advisories were not looked up'
