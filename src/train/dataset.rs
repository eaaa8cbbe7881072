//! A fixed training set, seen again every epoch, and pairs it does not hold.

use crate::task::rng::{Purpose, below, stream};
use crate::task::{BitTensor, Minibatch};
use std::collections::HashSet;

/// A fixed set of additions, cut into minibatches anew each epoch.
#[derive(Debug, Clone)]
pub struct Dataset {
    training: Minibatch,
    held_out: Minibatch,
    /// Additions in a minibatch.
    batch: usize,
    /// The epoch under way, and its order.
    epoch: Option<u64>,
    order: Vec<usize>,
    shuffle: bool,
    seed: u64,
}

/// Draws for each pair that is held out, before there are taken to be no more.
const DRAWS: usize = 16;

impl Dataset {
    /// A training set of `samples` random additions of `bits` bits, `batch` in a minibatch, and as
    /// many held out, if there are.
    pub fn new(samples: usize, bits: usize, batch: usize, shuffle: bool, seed: u64) -> Self {
        let mut training = Minibatch::new(samples, bits);
        training.fill_uniform(&mut stream(seed, Purpose::Dataset, 0));
        let held_out = others(&training, seed);
        Self { training, held_out, batch, epoch: None, order: Vec::new(), shuffle, seed }
    }

    /// The training set.
    pub fn training(&self) -> &Minibatch {
        &self.training
    }

    /// Additions that are not in the training set; fewer, or none, where the set holds nearly all
    /// pairs.
    pub fn held_out(&self) -> &Minibatch {
        &self.held_out
    }

    /// Minibatches in an epoch, the ragged last one included.
    pub fn minibatches(&self) -> u64 {
        self.training.samples().div_ceil(self.batch) as u64
    }

    /// Begins an epoch: a new order, if the set is shuffled.
    ///
    /// # Source
    /// Fisher and Yates, in Durstenfeld's form.
    fn begin(&mut self, epoch: u64) {
        self.epoch = Some(epoch);
        self.order.clear();
        self.order.extend(0..self.training.samples());
        if self.shuffle {
            let mut rng = stream(self.seed, Purpose::Dataset, 2 + epoch);
            for i in (1..self.order.len()).rev() {
                let j = usize::try_from(below(&mut rng, i as u64 + 1)).expect("below a usize");
                self.order.swap(i, j);
            }
        }
    }

    /// Copies the minibatch after so many updates to `out`.
    pub fn minibatch(&mut self, updates: u64, out: &mut Minibatch) {
        let (epoch, index) = (updates / self.minibatches(), updates % self.minibatches());
        if self.epoch != Some(epoch) {
            self.begin(epoch);
        }
        let samples = self.order.chunks(self.batch).nth(usize::try_from(index).expect("few"));
        self.training.gather(samples.expect("as many as there are"), out);
    }
}

/// As many different random additions as `training` has, none of them in it; fewer if there are
/// fewer.
fn others(training: &Minibatch, seed: u64) -> Minibatch {
    let row = |batch: &Minibatch, sample: usize| -> Vec<bool> {
        let bits = |tensor: &BitTensor| (0..tensor.steps()).map(|t| tensor.get(sample, t)).collect::<Vec<_>>();
        [bits(&batch.a), bits(&batch.b)].concat()
    };
    let wanted = training.samples();
    let mut seen: HashSet<_> = (0..wanted).map(|sample| row(training, sample)).collect();
    let mut candidates = Minibatch::new(wanted * DRAWS, training.bits());
    candidates.fill_uniform(&mut stream(seed, Purpose::Dataset, 1));
    let new = (0..candidates.samples()).filter(|&sample| seen.insert(row(&candidates, sample)));
    let samples: Vec<usize> = new.take(wanted).collect();
    let mut held_out = Minibatch::default();
    candidates.gather(&samples, &mut held_out);
    held_out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(batch: &Minibatch) -> Vec<(num_bigint::BigUint, num_bigint::BigUint)> {
        use crate::task::number::to_uint;
        let mut all: Vec<_> = (0..batch.samples()).map(|s| (to_uint(&batch.a, s), to_uint(&batch.b, s))).collect();
        all.sort();
        all
    }

    #[test]
    fn an_epoch_holds_every_sample_once_the_ragged_last_ones_too() {
        for shuffle in [false, true] {
            let mut set = Dataset::new(150, 12, 64, shuffle, 3);
            for epoch in 0..3 {
                let mut out = Minibatch::default();
                let mut seen = Vec::new();
                for index in 0..set.minibatches() {
                    set.minibatch(3 * epoch + index, &mut out);
                    assert_eq!(out.samples(), if index < 2 { 64 } else { 22 }, "minibatch {index}");
                    seen.extend(pairs(&out));
                    let mut sums = out.clone();
                    sums.add();
                    assert_eq!(sums, out, "sums of minibatch {index} are right");
                }
                seen.sort();
                assert_eq!(seen, pairs(set.training()), "epoch {epoch}, shuffle {shuffle}");
            }
        }
    }

    #[test]
    fn shuffling_gives_each_epoch_another_order() {
        let mut set = Dataset::new(100, 12, 64, true, 3);
        let orders: Vec<_> = [0, 1, 0]
            .map(|epoch| {
                set.begin(epoch);
                set.order.clone()
            })
            .into();
        assert_ne!(orders[0], orders[1], "epochs 0 and 1");
        assert_eq!(orders[0], orders[2], "an order is a function of its epoch");
    }

    #[test]
    fn what_is_held_out_is_not_in_the_set() {
        let set = Dataset::new(40, 5, 64, true, 1);
        let training = pairs(set.training());
        assert!(pairs(set.held_out()).iter().all(|pair| !training.contains(pair)), "a held-out pair was trained on");
        assert_eq!(set.held_out().samples(), 40, "256 pairs hold 40 others");
        assert_eq!(Dataset::new(64, 1, 64, true, 1).held_out().samples(), 0, "one pair leaves no other");
    }
}
