//! Times of day and days of the week.

/// Minutes after midnight of `h`, `hh` or `hh:mm`, perhaps with `am` or `pm`.
///
/// `12 am` is midnight (OSSEC takes it as noon, a bug; see `src/config/` and `src/shared/validate_op.c`).
pub(super) fn time_of_day(text: &str) -> Option<u16> {
    let text = text.trim().to_ascii_lowercase();
    let (clock, half) = match text.strip_suffix("am") {
        Some(rest) => (rest.trim_end(), Some(0)),
        None => match text.strip_suffix("pm") {
            Some(rest) => (rest.trim_end(), Some(12)),
            None => (text.as_str(), None),
        },
    };
    let (hour, minute) = clock.split_once(':').unwrap_or((clock, "00"));
    let two_digits =
        |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<u16>().ok()).flatten();
    if !(1..=2).contains(&hour.len()) || minute.len() != 2 {
        return None;
    }
    let (hour, minute) = (two_digits(hour)?, two_digits(minute)?);
    let hour = match half {
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        // `0 am`, and `14 am` which says the same as 14:00.
        Some(0) => hour,
        Some(_) => return None,
        None => hour,
    };
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

/// Days of the week as bits, Monday = bit 0.
pub(super) fn days(text: &str) -> Option<u8> {
    const NAMES: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let mut bits = 0;
    for part in super::items(text) {
        let part = part.to_ascii_lowercase();
        bits |= match part.as_str() {
            "weekdays" => 0b001_1111,
            "weekends" => 0b110_0000,
            _ => 1 << NAMES.iter().position(|name| *name == part || name[..3] == part)?,
        };
    }
    (bits != 0).then_some(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_minutes_after_midnight() {
        for (text, expected) in [
            ("8", Some(480)),
            ("08:30", Some(510)),
            ("8:30 PM", Some(1230)),
            ("12 am", Some(0)),
            ("12pm", Some(720)),
            ("24:00", None),
            ("13 pm", None),
            ("8:60", None),
            ("noon", None),
            ("", None),
            ("1:2:3", None),
        ] {
            assert_eq!(time_of_day(text), expected, "{text}");
        }
    }

    #[test]
    fn days_are_read_as_bits() {
        for (text, expected) in [
            ("monday", Some(1)),
            ("Mon, sun", Some(0b100_0001)),
            ("weekends", Some(0b110_0000)),
            ("thurs", None),
            ("!monday", None),
            ("", None),
        ] {
            assert_eq!(days(text), expected, "{text}");
        }
    }
}
