//! How fast are additions made? Bit-sliced, against one integer at a time.

use carrylane::task::Minibatch;
use carrylane::task::rng::{Purpose, stream};
use criterion::{Criterion, Throughput};
use rand_xoshiro::rand_core::Rng;
use std::hint::black_box;

pub(crate) fn benches(criterion: &mut Criterion) {
    let mut group = crate::group(criterion, "data".into());
    for (bits, batch) in [(8, 64), (8, 1024), (64, 1024)] {
        let sizes = format!("t{bits}_b{batch}");
        group.throughput(Throughput::Elements(batch as u64));

        let mut scalar = Scalar::new(bits, batch);
        scalar.fill(&mut stream(1, Purpose::Data, 0));
        assert!((0..batch).all(|sample| scalar.is_sum(sample)), "{sizes}: a scalar sum is wrong");
        let mut update = 0;
        group.bench_function(format!("{sizes}/scalar"), |b| {
            b.iter(|| {
                update += 1;
                scalar.fill(&mut stream(1, Purpose::Data, update));
                black_box(&scalar);
            });
        });

        let mut sliced = Minibatch::new(batch, bits);
        sliced.fill_uniform(&mut stream(1, Purpose::Data, 0));
        let sums = (0..batch).all(|sample| {
            let [a, b, c] = [&sliced.a, &sliced.b, &sliced.c].map(|tensor| {
                (0..bits).fold(0_u64, |number, step| number | u64::from(tensor.get(sample, step)) << step)
            });
            a + b == c
        });
        assert!(sums, "{sizes}: a bit-sliced sum is wrong");
        let mut update = 0;
        group.bench_function(format!("{sizes}/bitsliced"), |b| {
            b.iter(|| {
                update += 1;
                sliced.fill_uniform(&mut stream(1, Purpose::Data, update));
                black_box(&sliced);
            });
        });
    }
    group.finish();
}

/// The way it is commonly done: an integer at a time, unpacked to floats, up to 64 bits.
struct Scalar {
    bits: usize,
    /// `[sample][step]`, each of a, b and c.
    tensors: [Vec<f32>; 3],
}

impl Scalar {
    fn new(bits: usize, batch: usize) -> Self {
        Self { bits, tensors: [(); 3].map(|()| vec![0.0; bits * batch]) }
    }

    fn fill(&mut self, rng: &mut impl Rng) {
        let [a, b, c] = &mut self.tensors;
        let rows = a.chunks_exact_mut(self.bits).zip(b.chunks_exact_mut(self.bits)).zip(c.chunks_exact_mut(self.bits));
        for ((row_a, row_b), row_c) in rows {
            // The top bit of both operands is 0.
            let (a, b) = (rng.next_u64() >> (65 - self.bits), rng.next_u64() >> (65 - self.bits));
            for (row, number) in [(row_a, a), (row_b, b), (row_c, a + b)] {
                for (step, bit) in row.iter_mut().enumerate() {
                    *bit = if number >> step & 1 == 1 { 1.0 } else { 0.0 };
                }
            }
        }
    }

    fn is_sum(&self, sample: usize) -> bool {
        let [a, b, c] = [0, 1, 2].map(|tensor: usize| {
            let row = &self.tensors[tensor][sample * self.bits..][..self.bits];
            row.iter().rev().fold(0_u64, |number, &bit| number << 1 | u64::from(bit == 1.0))
        });
        a + b == c
    }
}
