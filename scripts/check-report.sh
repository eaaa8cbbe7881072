#!/usr/bin/env bash
# Opens reports in Chromium and uses them: no console error, every chart drawn, filters, hover, table; and takes screenshots for people
# to look at. Installs Chromium if there is none.
#
#   scripts/check-report.sh [SCREENSHOTS]     default: the screenshots go with the rest
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."

# shellcheck source=scripts/common.sh
. scripts/common.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pictures=${1:-$work}
mkdir -p "$pictures"
debian chromium chromium
# Chromium with its own profile, offline, WebGL in software; `--no-sandbox` because it may run as root.
offline=(chromium --headless=new --no-sandbox --disable-dev-shm-usage --use-angle=swiftshader --enable-unsafe-swiftshader
    --user-data-dir="$work/profile" --no-first-run --disable-background-networking --host-resolver-rules='MAP * ~NOTFOUND'
    --enable-logging=stderr)
browse() {
    timeout 120 "${offline[@]}" --timeout=60000 --virtual-time-budget=60000 "$@"
}

# The page of a sweep, used and photographed.
check() {
    local name=$1 trials=$2
    shift 2
    "$carrylane" sweep plan "$@" -o "$work/$name" >/dev/null
    "$carrylane" sweep run "$work/$name" >/dev/null
    "$carrylane" sweep report "$work/$name" -o "$work/$name.html" >/dev/null
    if grep -Eo '<(script|link|img)[^>]+(src|href)="?https?:' "$work/$name.html"; then fail "$name: it needs the network"; fi
    { cat "$work/$name.html" && printf '<script>\n' && cat scripts/check-report.js && printf '</script>\n'; } >"$work/$name-used.html"
    browse --window-size=1366,900 --dump-dom "file://$work/$name-used.html" >"$work/dom" 2>"$work/log"
    local answer
    answer=$(sed -n 's/.*<div id="answer"[^>]*>\([^<]*\).*/\1/p' "$work/dom")
    echo "$name, $trials trials: ${answer:-no answer}"
    [[ $answer == RIGHT* ]] || fail "$name: $(tail -n 5 "$work/log")"
    if grep 'CONSOLE' "$work/log" | grep -Eiv 'INFO:CONSOLE.*(WebGL|GPU stall|GL Driver)'; then fail "$name: the console is not empty"; fi
    for look in light dark; do
        browse --window-size=1366,2700 --hide-scrollbars --screenshot="$pictures/$name-$look.png" \
            "file://$work/$name-used.html#$look" 2>>"$work/log"
        [[ -s $pictures/$name-$look.png ]] || fail "$name: no screenshot"
    done
}

check thousand 1,000 hidden=3,4,6,8,16 bits=3,4,5,6,8 seed=0..40 budget=1000
check one 1 hidden=8 bits=5

# The page of a single run.
"$carrylane" train --hidden 8 --seed 1 --out "$work/run" >/dev/null
if grep -Eo '<(script|link|img)[^>]+(src|href)="?https?:' "$work/run/report.html"; then fail 'run: it needs the network'; fi
{ cat "$work/run/report.html" && printf '<script>\n' && cat scripts/check-run.js && printf '</script>\n'; } >"$work/run-used.html"
browse --window-size=1366,900 --dump-dom "file://$work/run-used.html" >"$work/dom" 2>"$work/log"
answer=$(sed -n 's/.*<div id="answer"[^>]*>\([^<]*\).*/\1/p' "$work/dom")
echo "run: ${answer:-no answer}"
[[ $answer == RIGHT* ]] || fail "run: $(tail -n 5 "$work/log")"

# 50,000 trials: the page is made in under 5 s of a processor and 500 MB, and its first chart is there in under 3 s. Time must be real here,
# so the page tells it on the console of a browser that is left to run; a busy machine gets three tries.
"$carrylane" sweep plan hidden=4,8,16,32 bits=4,8 updates=1 batch=16 seed=0..6250 test-bits=8 test-pairs=1 -o "$work/large" >/dev/null
"$carrylane" sweep run "$work/large" >/dev/null
TIMEFORMAT='%U %S'
{ time (ulimit -v 500000 && "$carrylane" sweep report "$work/large" -o "$work/large.html" >/dev/null); } 2>"$work/time" ||
    fail 'large: no page in 500 MB'
made=$(tail -n 1 "$work/time" | awk '{ printf "%d", 1000 * ($1 + $2) }')
((made < 5000)) || fail "large: the page took $made ms"
{ cat "$work/large.html" && printf '<script>\n' && cat scripts/check-large.js && printf '</script>\n'; } >"$work/large-timed.html"
first=9999
for _ in 1 2 3; do
    ((first < 3000)) && break
    "${offline[@]}" --remote-debugging-port=0 "file://$work/large-timed.html" 2>"$work/log" &
    for _ in {1..300}; do
        grep -q 'FIRST [0-9]' "$work/log" && break
        sleep 0.1
    done
    kill $! && wait $! 2>/dev/null || true
    first=$(sed -n 's/.*FIRST \([0-9]*\).*/\1/p' "$work/log" | head -n 1)
    echo "large, 50,000 trials: page made in $made ms, first chart after ${first:=9999} ms"
done
((first < 3000)) || fail 'large: the first chart is late, three times'
