//! Numbers as people read them.

use super::whole::count;

/// A rate to three digits, its thousands apart: 2,130,000.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive rate, rounded")]
pub fn rate(x: f64) -> String {
    if x < 100.0 || !x.is_finite() {
        return format!("{x:.1}");
    }
    let unit = 10_f64.powf(x.log10().floor() - 2.0);
    count(((x / unit).round() * unit).round() as u64)
}

/// A time in the unit that suits it: 6.1 ms, 2.31 s, 4 min 10 s.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{:.0} µs", s * 1e6),
        s if s < 0.1 => format!("{:.1} ms", s * 1e3),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 100.0 => format!("{s:.2} s"),
        s => format!("{:.0} min {:.0} s", (s / 60.0).floor(), s % 60.0),
    }
}

/// A count and its noun: 1 thread, 2 threads.
pub fn plural(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// A small number to two digits, rounded down so that a bound is never overstated: 2.2e-6.
pub fn at_least(bound: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "a power of ten")]
    let unit = 10_f64.powi(bound.log10().floor() as i32 - 1);
    format!("{:.1e}", (bound / unit).floor() * unit)
}

/// A share in per cent, precise where it is small: 48.2 %, 0.031 %.
pub fn percent(share: f64) -> String {
    match share * 100.0 {
        p if p == 0.0 || p >= 0.1 => format!("{p:.1} %"),
        p => format!("{p:.3} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (n, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (16_384, "16,384"), (1_234_567, "1,234,567")] {
            assert_eq!(count(n), text);
        }
        assert_eq!(rate(2_134_567.0), "2,130,000");
        assert_eq!(rate(12.345), "12.3");
        assert_eq!(rate(999.9), "1,000");
        assert_eq!(rate(f64::INFINITY), "inf", "no time at all");
        for (s, text) in [(6.1e-3, "6.1 ms"), (2.314, "2.31 s"), (250.0, "4 min 10 s"), (0.5, "500 ms")] {
            assert_eq!(duration(s), text);
        }
        assert_eq!([0.0, 0.4824, 0.00031].map(percent), ["0.0 %", "48.2 %", "0.031 %"]);
        assert_eq!((plural(1, "thread"), plural(2, "thread")), ("1 thread".into(), "2 threads".into()));
    }
}
