#!/usr/bin/env python3
"""Reads a compiled program: do the kernel's inner loops keep their sums in registers?

    scripts/check_loops.py target/release/carrylane

A register tile that the compiler cannot keep in registers stores each sum at each input and gives the same results at half the speed, which no test
of results sees, and no timing on a machine without that instruction set. So every innermost loop compiled for AVX2 or AVX-512 of which a third is
packed multiply-adds is looked at: it may store a vector to the stack for every fourth multiply-add at most. Loops over rows, which do more than
multiply, are no register tiles. Exit code 1 if one does not; needs objdump.
"""

import re
import subprocess
import sys

# Fewer multiply-adds than this, or than this share of a loop, are no register tile.
LEAST, SHARE = 16, 1 / 3


def functions(program):
    """Each function's name and its instructions, address and text."""
    listing = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", "-M", "intel", program], check=True, capture_output=True, text=True
    ).stdout
    name, instructions = None, []
    for line in listing.splitlines():
        if start := re.match(r"[0-9a-f]+ <(.*)>:", line):
            if name:
                yield name, instructions
            name, instructions = start[1], []
        elif found := re.match(r"\s+([0-9a-f]+):\s+(.*)", line):
            instructions.append((int(found[1], 16), found[2]))
    if name:
        yield name, instructions


def innermost_loops(instructions):
    """Stretches from the target of a jump back to the jump, that hold no other."""
    place = {address: i for i, (address, _) in enumerate(instructions)}
    jumps = ((i, re.match(r"j\w+\s+([0-9a-f]+)", text)) for i, (_, text) in enumerate(instructions))
    targets = ((place.get(int(jump[1], 16)), i) for i, jump in jumps if jump)
    loops = [(start, end) for start, end in targets if start is not None and start <= end]
    for start, end in loops:
        if not any(other != (start, end) and start <= other[0] and other[1] <= end for other in loops):
            yield [text for _, text in instructions[start : end + 1]]


def main(program):
    tiles, bad = {"avx2": 0, "avx512": 0}, 0
    for name, instructions in functions(program):
        level = next((level for level in ("avx512", "avx2") if f"vectorize_{level}" in name), None)
        for loop in innermost_loops(instructions) if level else []:
            fused = sum(re.match(r"vfn?m\w+p[sd]\s", text) is not None for text in loop)
            stored = sum(re.match(r"vmov\w+\s+[XYZ]MMWORD PTR \[rsp", text) is not None for text in loop)
            if fused < max(LEAST, SHARE * len(loop)):
                continue
            tiles[level] += 1
            if 4 * stored > fused:
                bad += 1
                print(f"{level}: a loop of {fused} multiply-adds stores {stored} vectors to the stack, in {name}")
    print(", ".join(f"{level}: {count} loops" for level, count in tiles.items()) + f", {bad} not in registers")
    if not all(tiles.values()):
        sys.exit("found no loops of a level: is this the release build for x86-64?")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
