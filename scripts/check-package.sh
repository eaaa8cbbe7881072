#!/usr/bin/env bash
# The crate as it would be published: packed, unpacked elsewhere, and compiled there with all its tests and benches, so that no file is
# missing from it.
#
#   scripts/check-package.sh             compiles everything
#   scripts/check-package.sh --test      runs the tests as well
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."

case "${1-}" in
'') work=(check --release --all-targets --locked --quiet) ;;
--test) work=(test --release --locked) ;;
*)
    echo "usage: scripts/check-package.sh [--test]" >&2
    exit 2
    ;;
esac

target=$(cargo metadata --locked --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
cargo package --locked --no-verify --allow-dirty --quiet
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
version=$(cargo pkgid --locked | sed 's/.*[#@]//')
tar -xzf "$target/package/carrylane-$version.crate" -C "$folder"
cd "$folder/carrylane-$version"
CARGO_TARGET_DIR=$target cargo "${work[@]}"
echo "carrylane $version: $(find . -type f | wc -l) files, compiled from the package"
