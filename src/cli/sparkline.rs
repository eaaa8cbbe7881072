//! A curve in one line of text.

/// Blocks from low to high.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Characters of a line.
const WIDTH: usize = 48;

/// A curve of positive numbers, on a logarithmic scale from the least to the largest; `None` for
/// fewer than two. A character shows the mean of many numbers. Numbers that are not finite are left
/// out.
pub(super) fn sparkline(values: &[f64]) -> Option<String> {
    let logs: Vec<f64> = values.iter().filter(|v| v.is_finite()).map(|v| v.max(1e-12).ln()).collect();
    if logs.len() < 2 {
        return None;
    }
    let columns = WIDTH.min(logs.len());
    let means: Vec<f64> = (0..columns)
        .map(|column| {
            let part = &logs[column * logs.len() / columns..(column + 1) * logs.len() / columns];
            part.iter().sum::<f64>() / part.len() as f64
        })
        .collect();
    let (low, high) = means.iter().fold((f64::MAX, f64::MIN), |(low, high), &x| (low.min(x), high.max(x)));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place among eight")]
    let block = |x: &f64| BLOCKS[(((x - low) / (high - low).max(1e-9) * 7.0).round() as usize).min(7)];
    Some(means.iter().map(block).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_from_low_to_high_and_never_beyond_its_width() {
        let powers: Vec<f64> = (0..8).map(|k| 2_f64.powi(k)).collect();
        assert_eq!(sparkline(&powers).as_deref(), Some("▁▂▃▄▅▆▇█"), "a straight line on a logarithmic scale");
        let many: Vec<f64> = (1..1000).map(f64::from).rev().collect();
        let line = sparkline(&many).expect("enough numbers");
        assert_eq!((line.chars().count(), line.chars().next(), line.chars().last()), (48, Some('█'), Some('▁')));
        assert_eq!(sparkline(&[1.0, 1.0, f64::NAN]).as_deref(), Some("▁▁"), "flat, and one not finite");
        assert_eq!(sparkline(&[1.0, f64::INFINITY]), None, "one number is no curve");
    }
}
