//! The checker of certificates. It shares no code with the search, nor with the network it runs: it
//! reads the certificate's bytes itself, computes every step itself, in 64-bit integers and plain
//! loops, and believes nothing that it has not computed. Read it from top to bottom; all that has
//! to be trusted is in this file, in SHA-256, and in the compiler.
//!
//! What it confirms, for the network whose weights are in the certificate:
//! 1. the start, all zero with carry 0, is a node;
//! 2. from every node, under each of the four inputs (a, b), the answer is a ⊕ b ⊕ carry, and
//! 3. the state after it, with the carry maj(a, b, carry), is a node again;
//! 4. every node is reached from the start, and number, depth, margin and digests are as stated.
//!
//! From 1 to 3 it follows by induction over the bits that every answer to every addition of any
//! width is right.

use sha2::{Digest, Sha256};

/// The statement of a certificate that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Hidden units of the network.
    pub hidden: usize,
    /// Fractional bits of its carried state.
    pub q: u32,
    /// Largest magnitude of an LSTM's c, with q fractional bits.
    pub cell_most: i32,
    /// Nodes: states with the carry that is true there.
    pub states: u64,
    /// Steps to the farthest node.
    pub depth: u32,
    /// The least distance of an output to the wrong side, with 12 + q fractional bits.
    pub margin: i64,
    /// 16 hexadecimal digits of SHA-256 over the network.
    pub network_hash: String,
}

/// Checks a certificate, given as the bytes of its file.
///
/// # Errors
/// What is wrong with it, in words.
///
/// # Cost
/// For each node four steps of plain loops and four searches among the nodes.
pub fn check(bytes: &[u8]) -> Result<Checked, String> {
    let mut reader = Reader::of(bytes, MAGIC)?;
    let (net, network_hash, states, depth) = stated(&mut reader)?;
    let margin = i64::from_le_bytes(reader.take()?);
    let digest: [u8; 32] = reader.take()?;
    let width = net.carried + 1;
    let nodes: Vec<&[u8]> = reader.rest.chunks(width).collect();
    if nodes.len() as u64 != states || !reader.rest.len().is_multiple_of(width) {
        return Err(format!("it states {states} nodes and holds {} bytes of {width} each", reader.rest.len()));
    }
    if nodes.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err("its nodes are not in ascending order".into());
    }
    let found = net.go_through(&nodes)?;
    if found.reached < nodes.len() {
        return Err(format!("only {} of its {states} nodes are reached from the start", found.reached));
    }
    if (found.depth, found.margin) != (depth, margin) {
        return Err(format!(
            "it states depth {depth} and margin {margin}, and has {} and {}",
            found.depth, found.margin
        ));
    }
    let mut hash = Sha256::new_with_prefix(reader.rest);
    found.steps.iter().flatten().for_each(|place| hash.update(place.to_le_bytes()));
    if hash.finalize()[..] != digest[..] {
        return Err("the digest of its nodes and steps does not match them".into());
    }
    Ok(Checked { hidden: net.hidden, q: net.q, cell_most: net.cell_most, states, depth, margin, network_hash })
}

/// The network of a certificate, its name, and the number of nodes and the depth that are stated.
pub(super) fn stated(reader: &mut Reader<'_>) -> Result<(Net, String, u64, u32), String> {
    let (net, name) = reader.named(Net::read)?;
    Ok((net, name, u64::from_le_bytes(reader.take()?), u32::from_le_bytes(reader.take()?)))
}

/// First line of a certificate, with its version.
pub(super) const MAGIC: &[u8] = b"carrylane proof 1\n";

/// The result of going through all nodes.
struct Found {
    reached: usize,
    depth: u32,
    margin: i64,
    /// For each node and input, the place of the node after it.
    steps: Vec<[u32; 4]>,
}

/// Bytes of a certificate not read yet.
pub(super) struct Reader<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// What is between a certificate's first line and its seal, the SHA-256 of all before it.
    pub(super) fn of(bytes: &'a [u8], magic: &[u8]) -> Result<Self, String> {
        if !bytes.starts_with(magic) {
            let line = String::from_utf8_lossy(magic);
            return Err(format!("not a certificate of version 1: it does not begin with '{}'", line.trim_end()));
        }
        let (body, seal) = bytes.split_last_chunk::<32>().ok_or("cut short")?;
        if Sha256::digest(body)[..] != seal[..] {
            return Err("its hash does not match: it was changed, damaged or cut short after it was written".into());
        }
        Ok(Self { rest: body.strip_prefix(magic).ok_or("cut short")? })
    }

    /// What `read` takes, and the name of its bytes: 16 hexadecimal digits of SHA-256.
    pub(super) fn named<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, String>,
    ) -> Result<(T, String), String> {
        let before = self.rest;
        let what = read(self)?;
        let digest = Sha256::digest(&before[..before.len() - self.rest.len()]);
        Ok((what, digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()))
    }

    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or("cut short")?;
        self.rest = rest;
        Ok(*head)
    }

    fn number(&mut self) -> Result<i64, String> {
        Ok(i32::from_le_bytes(self.take()?).into())
    }

    fn numbers(&mut self, count: usize) -> Result<Vec<i64>, String> {
        if count > self.rest.len() / 4 {
            return Err(format!("cut short: {count} numbers are wanted, {} bytes are left", self.rest.len()));
        }
        (0..count).map(|_| self.number()).collect()
    }
}

/// The network of a certificate.
pub(super) struct Net {
    /// 0 Elman, 1 dynamic, 2 LSTM standard, 3 LSTM notebook.
    pub(super) cell: usize,
    pub(super) hidden: usize,
    pub(super) carried: usize,
    pub(super) q: u32,
    pub(super) gate_bits: u32,
    pub(super) cell_most: i32,
    pub(super) output_bias: i64,
    pub(super) threshold: i64,
    /// `[changed bits][pre-activation][unit]`.
    pub(super) recurrent: Vec<Vec<i64>>,
    /// `[input][pre-activation]`.
    pub(super) input: Vec<Vec<i64>>,
    pub(super) output: Vec<i64>,
    /// φ, σ, φ of the cell: the value below all thresholds, and the thresholds.
    pub(super) tables: Vec<(i64, Vec<i64>)>,
}

impl Net {
    fn read(reader: &mut Reader<'_>) -> Result<Self, String> {
        let head = reader.numbers(7)?;
        let in_range = |i: usize, least: i64, most: i64| match head[i] {
            value if (least..=most).contains(&value) => Ok(value),
            value => Err(format!("number {i} of its network is {value}, want {least} to {most}")),
        };
        let small =
            |i, least, most| in_range(i, least, most).map(|value| u32::try_from(value).expect("a small number"));
        let (cell, hidden) = (small(0, 0, 3)? as usize, small(1, 1, 1 << 15)? as usize);
        let (q, gate_bits) = (small(2, 0, 6)?, small(3, 0, 6)?);
        if cell >= 2 && q > gate_bits {
            return Err(format!("its state has {q} fractional bits and its gates {gate_bits}"));
        }
        let cell_most = i32::try_from(in_range(4, 0, 127)?).expect("a small number");
        let wide = hidden * if cell >= 2 { 4 } else { 1 };
        let recurrent: Result<_, _> =
            (0..if cell == 1 { 3 } else { 1 }).map(|_| reader.numbers(wide * hidden)).collect();
        let input: Result<_, _> = (0..4).map(|_| reader.numbers(wide)).collect();
        let (recurrent, input, output) = (recurrent?, input?, reader.numbers(hidden)?);
        let mut tables = Vec::new();
        for _ in 0..3 {
            let first = reader.number()?;
            let count =
                usize::try_from(reader.number()?).map_err(|_| "a table with a negative number of thresholds")?;
            tables.push((first, reader.numbers(count)?));
        }
        Ok(Self {
            cell,
            hidden,
            carried: if cell >= 2 { 2 * hidden } else { hidden },
            q,
            gate_bits,
            cell_most,
            output_bias: head[5],
            threshold: head[6],
            recurrent,
            input,
            output,
            tables,
        })
    }

    /// A table's value: how many thresholds z reaches, from the first value on.
    fn table(&self, which: usize, z: i64) -> i64 {
        let (first, thresholds) = &self.tables[which];
        *first + i64::try_from(thresholds.iter().filter(|&&threshold| z >= threshold).count()).expect("a small number")
    }

    /// x / 2^bits, rounded half up.
    pub(super) fn round(x: i64, bits: u32) -> i64 {
        if bits == 0 { x } else { (x + (1 << (bits - 1))).div_euclid(1 << bits) }
    }

    /// The carried values after a step, each a byte, and the distance of the output to its
    /// threshold.
    fn step(&self, values: &[i64], before: usize, x: usize) -> Result<(Vec<i8>, i64), String> {
        let hidden = self.hidden;
        let changed = if self.cell == 1 { (before ^ x).count_ones() as usize } else { 0 };
        let z = |m: usize| {
            let mut sum = self.input[x][m];
            for k in 0..hidden {
                sum += self.recurrent[changed][m * hidden + k] * values[k];
            }
            sum
        };
        let (mut h, mut c) = (Vec::new(), Vec::new());
        for unit in 0..hidden {
            if self.cell < 2 {
                h.push(self.table(0, z(unit)));
                continue;
            }
            let (i, f) = (self.table(1, z(unit)), self.table(1, z(hidden + unit)));
            let (g, o) = (self.table(0, z(2 * hidden + unit)), self.table(1, z(3 * hidden + unit)));
            let sum = g * i + values[hidden + unit] * f * (1 << (self.gate_bits - self.q));
            if self.cell == 2 {
                let most = i64::from(self.cell_most);
                let cut = Self::round(sum, 2 * self.gate_bits - self.q).clamp(-most, most);
                h.push(Self::round(self.table(2, cut) * o, 2 * self.gate_bits - self.q));
                c.push(cut);
            } else {
                let squashed = self.table(2, sum);
                h.push(Self::round(squashed * o, self.gate_bits));
                c.push(squashed);
            }
        }
        h.extend(c);
        let byte = |value| i8::try_from(value).map_err(|_| format!("a carried value is {value}, more than a byte"));
        let after = h.into_iter().map(byte).collect::<Result<Vec<i8>, String>>()?;
        let mut z_o = self.output_bias;
        for k in 0..hidden {
            z_o += self.output[k] * i64::from(after[k]);
        }
        Ok((after, z_o - self.threshold))
    }

    /// Goes from the start to every node, level by level.
    fn go_through(&self, nodes: &[&[u8]]) -> Result<Found, String> {
        let place = |key: &[u8]| nodes.binary_search(&key).ok();
        let start = place(&vec![0; self.carried + 1]).ok_or("the start is not among its nodes")?;
        let mut seen = vec![false; nodes.len()];
        seen[start] = true;
        let (mut reached, mut steps) = (vec![start], vec![[0; 4]; nodes.len()]);
        let (mut done, mut level_end, mut depth, mut margin) = (0, 1, 0, i64::MAX);
        while done < reached.len() {
            if done == level_end {
                (level_end, depth) = (reached.len(), depth + 1);
            }
            let (&tag, values) = nodes[reached[done]].split_last().expect("a node has a tag");
            let values: Vec<i64> = values.iter().map(|value| value.cast_signed().into()).collect();
            let (carry, before) = (usize::from(tag & 1), usize::from(tag >> 1));
            if before > if self.cell == 1 { 3 } else { 0 } {
                return Err(format!("a node has the tag {tag}"));
            }
            for x in 0..4 {
                let (a, b) = (x & 1, x >> 1);
                let (after, output) = self.step(&values, before, x)?;
                let distance = if a ^ b ^ carry == 1 { output + 1 } else { -output };
                if distance <= 0 {
                    return Err(format!("it answers wrong after {depth} bits, to a = {a}, b = {b} with carry {carry}"));
                }
                margin = margin.min(distance);
                let tag = usize::from(a + b + carry >= 2) + if self.cell == 1 { 2 * x } else { 0 };
                let mut key: Vec<u8> = after.into_iter().map(i8::cast_unsigned).collect();
                key.push(u8::try_from(tag).expect("below 8"));
                let next = place(&key)
                    .ok_or_else(|| format!("its nodes are not closed: one step leads out after {depth} bits"))?;
                steps[reached[done]][x] = u32::try_from(next).map_err(|_| "too many nodes")?;
                if !seen[next] {
                    seen[next] = true;
                    reached.push(next);
                }
            }
            done += 1;
        }
        Ok(Found { reached: reached.len(), depth, margin, steps })
    }
}
