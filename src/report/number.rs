//! Numbers for people.

pub(super) use crate::shape::thousands;

/// Writes bytes in the unit that fits: `4.7 kB`, `15.0 MB` (powers of 1000, as the textbooks).
pub(super) fn bytes(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
    let mut size = count as f64;
    for unit in ["B", "kB", "MB", "GB", "TB"] {
        if size < 999.95 {
            return if unit == "B" {
                format!("{count} B")
            } else {
                format!("{size:.1} {unit}")
            };
        }
        size /= 1000.0;
    }
    format!("{size:.1} PB")
}

/// Writes a share as a percentage.
pub(super) fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// Writes a rate rounded to a whole number.
pub(super) fn whole(number: f64) -> String {
    thousands(number.max(0.0).round() as u64)
}

/// Writes seconds as `1.25 ms`.
pub(super) fn milliseconds(secs: f64) -> String {
    format!("{:.2} ms", secs * 1e3)
}

/// Writes seconds as `3.4 s`, `2 min 05 s` or `1 h 02 min`.
pub(super) fn duration(secs: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a time that is not negative, rounded"
    )]
    let whole = secs.max(0.0).round() as u64;
    if whole < 60 {
        format!("{:.1} s", secs.max(0.0))
    } else if whole < 3600 {
        format!("{} min {:02} s", whole / 60, whole % 60)
    } else {
        format!("{} h {:02} min", whole / 3600, whole % 3600 / 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(416_520), "416,520");
        assert_eq!(thousands(15_470_264_320), "15,470,264,320");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(18_816), "18.8 kB");
        assert_eq!(bytes(999_960), "1.0 MB");
        assert_eq!(percent(0.98765), "98.77 %");
        assert_eq!(duration(3.44), "3.4 s");
        assert_eq!(duration(125.0), "2 min 05 s");
        assert_eq!(duration(3725.0), "1 h 02 min");
    }
}
