//! Times of day and weekdays in rules (`src/shared/validate_op.c`).

use super::options::RuleOptions;

/// Minutes of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeRange {
    from: u16,
    to: u16,
    negated: bool,
}

impl TimeRange {
    /// `[!]a - b`, each `h`, `hh` or `hh:mm` with an optional `am` or `pm`.
    pub(super) fn parse(text: &str, options: &RuleOptions) -> Option<Self> {
        let rest = text.trim().strip_prefix('!');
        let negated = rest.is_some();
        let (from, to) = rest.unwrap_or(text.trim()).split_once('-')?;
        let (from, to) = (minute(from, options)?, minute(to, options)?);
        if from <= to {
            return Some(Self { from, to, negated });
        }
        if options.strict_ossec {
            // OSSEC keeps "not from b to a", ends included, and loses a `!`.
            return Some(Self { from: to, to: from, negated: true });
        }
        Some(Self { from: to + 1, to: from - 1, negated: !negated })
    }

    pub(super) fn contains(self, minute: u16) -> bool {
        (self.from..=self.to).contains(&minute) != self.negated
    }
}

fn minute(text: &str, options: &RuleOptions) -> Option<u16> {
    let text = text.trim().to_ascii_lowercase();
    let (clock, half) = match (text.strip_suffix("am"), text.strip_suffix("pm")) {
        (Some(clock), _) => (clock, Some(0)),
        (_, Some(clock)) => (clock, Some(12)),
        _ => (text.as_str(), None),
    };
    let (hour, minute) = clock.trim().split_once(':').unwrap_or((clock.trim(), "0"));
    let digits = |text: &str| (1..=2).contains(&text.len()).then(|| text.parse::<u16>().ok())?;
    let (mut hour, minute) = (digits(hour)?, digits(minute)?);
    match half {
        Some(12) if hour != 12 => hour += 12,
        // OSSEC reads 12 am as noon.
        Some(0) if hour == 12 && !options.strict_ossec => hour = 0,
        _ => {}
    }
    (hour < 24).then_some(hour * 60 + minute)
}

/// Days of the week, one bit each, Sunday first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Weekdays(u8);

impl Weekdays {
    /// `mon`, `monday`, `weekdays`, `weekends` in a list; a leading `!` negates (an error in OSSEC).
    pub(super) fn parse(text: &str, options: &RuleOptions) -> Option<Self> {
        let rest = text.trim().strip_prefix('!').filter(|_| !options.strict_ossec);
        let mut bits = 0;
        for word in rest.unwrap_or(text).split([',', ' ']).filter(|word| !word.is_empty()) {
            bits |= match word.to_ascii_lowercase().as_str() {
                "sunday" | "sun" => 1,
                "monday" | "mon" => 2,
                "tuesday" | "tue" => 4,
                "wednesday" | "wed" => 8,
                "thursday" | "thu" => 16,
                "friday" | "fri" => 32,
                "saturday" | "sat" => 64,
                "weekdays" => 0b011_1110,
                "weekends" => 0b100_0001,
                _ => return None,
            };
        }
        (bits != 0).then_some(Self(if rest.is_some() { !bits & 0x7f } else { bits }))
    }

    /// `day` counts from Sunday, 0.
    pub(super) fn contains(self, day: u8) -> bool {
        self.0 & (1 << day) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str, strict_ossec: bool) -> TimeRange {
        TimeRange::parse(text, &RuleOptions { strict_ossec, ..RuleOptions::default() }).unwrap()
    }

    #[test]
    fn range_past_midnight_includes_its_ends_except_in_ossec() {
        let night = range("6 pm - 8:30 am", false);
        assert!(night.contains(18 * 60) && night.contains(8 * 60 + 30) && night.contains(0));
        assert!(!night.contains(12 * 60));
        let ossec = range("6 pm - 8:30 am", true);
        assert!(!ossec.contains(18 * 60) && !ossec.contains(8 * 60 + 30) && ossec.contains(0));
    }

    #[test]
    fn midnight_is_noon_in_ossec_only() {
        assert!(range("12 am - 12:01 am", false).contains(0));
        assert!(range("12 am - 12:01 am", true).contains(720));
    }

    #[test]
    fn weekends_are_saturday_and_sunday() {
        let days = Weekdays::parse("weekends", &RuleOptions::default()).unwrap();
        assert_eq!((0..7).filter(|day| days.contains(*day)).collect::<Vec<u8>>(), [0, 6]);
        assert!(Weekdays::parse("thurs", &RuleOptions::default()).is_none());
    }
}
