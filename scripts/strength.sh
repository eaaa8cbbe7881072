#!/usr/bin/env bash
# Holds the check of wide additions against a hundred times as many sums: trains nets of both cells, 4 to 32 units and 10 to 32 bits, and
# says how many that pass the check are turned away by 65,536 random and 128 adversarial sums at the width and at four times it, and how
# many are wrong in a million random sums of their width, beside those that the many sums let pass. Fails if more than 0.7 % are turned
# away, or 0.2 points more are wrong.
#
#   scripts/strength.sh [NETS]     default: 2000 nets, 35 minutes on two cores
set -euo pipefail
cd "$(dirname "$0")/.."

STRENGTH_NETS=${1:-2000} cargo test --locked --release --test strength -- --ignored --nocapture --test-threads 1
