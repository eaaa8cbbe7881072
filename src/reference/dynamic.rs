//! The dynamic cell: an Elman cell whose recurrent term is scaled by how much the input changed.

use super::Real;

/// `s_t = exp ‖x_t − x_{t−1}‖₂`, with signed differences of bits: 1, e or e^√2.
///
/// # Source
/// Notebook 000, "dynamic RNN", where the differences of unsigned bytes wrapped to 255.
pub(super) fn scale<F: Real>(x: [F; 2], x_prev: [F; 2]) -> F {
    let (da, db) = (x[0] - x_prev[0], x[1] - x_prev[1]);
    (da * da + db * db).sqrt().exp()
}

#[cfg(test)]
mod tests {
    use super::scale;

    #[test]
    fn there_are_three_scales() {
        let all = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
        for x in all {
            for x_prev in all {
                let changed = usize::from(x[0] != x_prev[0]) + usize::from(x[1] != x_prev[1]);
                let wanted = [1.0, 1_f64.exp(), 2_f64.sqrt().exp()][changed];
                assert!((scale(x, x_prev) - wanted).abs() < 1e-15, "{x:?} after {x_prev:?}");
            }
        }
    }
}
