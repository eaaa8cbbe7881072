//! One addition and the answer that a net gave.

use super::number::width_of_sum;
use num_bigint::BigUint;
use serde::Serialize;

/// One addition, and an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// First operand.
    pub a: BigUint,
    /// Second operand.
    pub b: BigUint,
    /// The answer.
    pub answer: BigUint,
}

/// One time step of an addition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Place of the step, 0 for the least significant bit.
    pub step: usize,
    /// Bit of the first operand.
    pub a: u8,
    /// Bit of the second operand.
    pub b: u8,
    /// Carry that comes in from the step before.
    pub carry: u8,
    /// Bit of the answer.
    pub predicted: u8,
    /// Bit of the sum.
    pub right: u8,
}

impl Sum {
    /// The width that the addition needs.
    pub fn bits(&self) -> usize {
        width_of_sum(&self.a, &self.b)
    }

    /// The right answer.
    pub fn expected(&self) -> BigUint {
        &self.a + &self.b
    }

    /// Bits of the answer that are wrong.
    pub fn wrong_bits(&self) -> u64 {
        (&self.answer ^ self.expected()).count_ones()
    }

    /// The addition bit by bit, least significant bit first.
    pub fn steps(&self) -> impl Iterator<Item = Step> {
        let expected = self.expected();
        (0..self.bits()).map(move |step| {
            let bit = |number: &BigUint| u8::from(number.bit(step as u64));
            let (a, b, right) = (bit(&self.a), bit(&self.b), bit(&expected));
            Step { step, a, b, carry: a ^ b ^ right, predicted: bit(&self.answer), right }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_show_the_carry_and_the_bit_that_is_wrong() {
        let sum = Sum { a: 3_u8.into(), b: 1_u8.into(), answer: 5_u8.into() };
        let carries: Vec<u8> = sum.steps().map(|step| step.carry).collect();
        let wrong: Vec<usize> = sum.steps().filter(|s| s.predicted != s.right).map(|s| s.step).collect();
        assert_eq!((sum.bits(), sum.wrong_bits(), carries, wrong), (3, 1, vec![0, 1, 1], vec![0]));
    }
}
