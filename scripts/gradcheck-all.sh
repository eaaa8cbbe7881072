#!/usr/bin/env bash
# Checks the gradients of every cell, form, activation, output, loss and bias, at every level of the machine, over the grid of
# `carrylane gradcheck` or the part of it that the arguments name; one line for each net, and exit code 1 if any fails.
#
#   scripts/gradcheck-all.sh                          the whole grid: an hour and a half on one core
#   scripts/gradcheck-all.sh --hidden 1,2,3,8,16,17   without the large nets: some minutes
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."

# shellcheck source=scripts/common.sh
. scripts/common.sh
failed=0
comparisons=0
for cell in elman dynamic lstm 'lstm --lstm-form notebook'; do
    for activation in sigmoid tanh relu; do
        for output in 'sigmoid --loss mse' 'sigmoid --loss cross-entropy' 'tanh --loss mse' 'relu --loss mse'; do
            for bias in true false; do
                net="--cell $cell --activation $activation --output-activation $output --bias $bias"
                # shellcheck disable=SC2086 # a net is several words
                summary=$("$carrylane" gradcheck $net "$@" --json | tail -n 1 || true)
                case $summary in
                *'"ok":true'*) verdict=ok ;;
                *) verdict=FAILED failed=1 ;;
                esac
                count=$(field comparisons <<<"$summary")
                comparisons=$((comparisons + count))
                echo "$verdict $count comparisons: $net"
            done
        done
    done
done
echo "$comparisons comparisons"
exit $failed
