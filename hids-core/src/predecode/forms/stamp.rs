//! Times at the start of a line, from a table of forms.

/// One form of a time.
struct Form {
    /// `w` day of the week, `m` name of the month, `d` day (one digit may have a blank before it), `y` year, `n` two
    /// digits, `t` time of the day, `e` seconds since 1970, `u` seconds since the start; anything else is itself.
    time: &'static str,
    /// What has to follow.
    tag: Tag,
}

/// Which tag of a program makes a header of what follows a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// `sshd: ` and `sshd[123]: `.
    Any,
    /// `sshd[123]: ` only: logs of applications begin with such a time as well (`… ERROR Reader: text`), and their
    /// decoders want the whole line.
    WithProcess,
}

/// Every form. No line fits two of them with different answers, which a test holds.
const FORMS: [Form; 16] = [
    // The year first: without it the year would be a host.
    Form { time: "m d t y", tag: Tag::Any },
    Form { time: "m d y t", tag: Tag::Any },
    Form { time: "m d t", tag: Tag::Any },
    Form { time: "w m d t y", tag: Tag::Any },
    Form { time: "w m d y t", tag: Tag::Any },
    Form { time: "w m d t", tag: Tag::Any },
    Form { time: "d m y t", tag: Tag::Any },
    Form { time: "d m t", tag: Tag::Any },
    Form { time: "w d m y t", tag: Tag::Any },
    Form { time: "y m d t", tag: Tag::Any },
    Form { time: "y-n-nTt", tag: Tag::Any },
    Form { time: "y-n-n t", tag: Tag::WithProcess },
    Form { time: "w y-n-n t", tag: Tag::WithProcess },
    Form { time: "y/n/n t", tag: Tag::WithProcess },
    Form { time: "e", tag: Tag::WithProcess },
    Form { time: "[u]", tag: Tag::WithProcess },
];

/// Words for zones that stand behind a time; a host of that name cannot be distinguished from one.
const ZONES: [&[u8]; 36] = [
    b"UTC", b"GMT", b"WET", b"WEST", b"CET", b"CEST", b"EET", b"EEST", b"BST", b"IST", b"MSK", b"EST", b"EDT", b"CST",
    b"CDT", b"MST", b"MDT", b"PST", b"PDT", b"AKST", b"AKDT", b"HST", b"AST", b"ADT", b"BRT", b"JST", b"KST", b"HKT",
    b"SGT", b"AEST", b"AEDT", b"ACST", b"AWST", b"NZST", b"NZDT", b"SAST",
];

const MONTHS: [&[u8]; 12] =
    [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];
const WEEKDAYS: [&[u8]; 7] = [b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"];

/// What a time says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The year, where it has one.
    pub(crate) year: Option<i16>,
    /// 1 to 12; 0 where it names no date.
    pub(crate) month: i8,
    /// 1 to 31; 0 where it names no date.
    pub(crate) day: i8,
    /// Hour, minute, second.
    pub(crate) time: (i8, i8, i8),
    /// Seconds east of UTC, where it says so.
    pub(crate) offset: Option<i32>,
    /// Seconds since 1970, where that is what it is.
    pub(crate) epoch: Option<i64>,
    pub(super) tag: Tag,
}

/// The time that starts at `start`, and where what follows it starts.
pub(super) fn stamp(line: &[u8], start: usize) -> Option<(Stamp, usize)> {
    let first = *line.get(start)?;
    // Most lines without a header are turned away here.
    if !(first.is_ascii_alphanumeric() || first == b'[') {
        return None;
    }
    FORMS.iter().find_map(|form| {
        let mut reader = Reader { line, at: start, stamp: empty(form.tag), numbers: 0 };
        for field in form.time.bytes() {
            reader.field(field)?;
        }
        reader.end()
    })
}

fn empty(tag: Tag) -> Stamp {
    Stamp { year: None, month: 0, day: 0, time: (0, 0, 0), offset: None, epoch: None, tag }
}

struct Reader<'a> {
    line: &'a [u8],
    at: usize,
    stamp: Stamp,
    /// Fields `n` so far: the month, then the day.
    numbers: u8,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    fn literal(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// `least` to `most` digits.
    fn number(&mut self, least: usize, most: usize) -> Option<i64> {
        let digits = self.line[self.at..].iter().take(most).take_while(|byte| byte.is_ascii_digit());
        let (count, value) =
            digits.fold((0, 0_i64), |(count, value), digit| (count + 1, value * 10 + i64::from(digit - b'0')));
        // A longer number is another thing.
        if count < least || self.line.get(self.at + count).is_some_and(u8::is_ascii_digit) {
            return None;
        }
        self.at += count;
        Some(value)
    }

    fn small(&mut self, least: usize, range: std::ops::RangeInclusive<i64>) -> Option<i8> {
        let value = self.number(least, 2).filter(|value| range.contains(value))?;
        i8::try_from(value).ok()
    }

    fn field(&mut self, field: u8) -> Option<()> {
        match field {
            b'w' => self.word_of(&WEEKDAYS).map(|_| ()).inspect(|()| {
                // `Sun, 29 Nov 2026`
                let _ = self.literal_if(b',');
            }),
            b'm' => self.month(),
            b'd' => {
                self.literal_if(b' ');
                self.stamp.day = self.small(1, 1..=31)?;
                Some(())
            }
            b'y' => {
                let year = self.number(4, 4).filter(|year| (1970..=9999).contains(year))?;
                self.stamp.year = i16::try_from(year).ok();
                Some(())
            }
            b'n' => {
                self.numbers += 1;
                if self.numbers == 1 {
                    self.stamp.month = self.small(2, 1..=12)?;
                } else {
                    self.stamp.day = self.small(2, 1..=31)?;
                }
                Some(())
            }
            b't' => self.time(),
            b'e' => {
                self.stamp.epoch = Some(self.number(10, 10)?);
                Some(())
            }
            b'u' => {
                while self.literal_if(b' ') {}
                self.number(1, 10)?;
                self.literal(b'.')?;
                self.number(3, 9).map(|_| ())
            }
            literal => self.literal(literal),
        }
    }

    fn literal_if(&mut self, byte: u8) -> bool {
        self.literal(byte).is_some()
    }

    fn word_of(&mut self, words: &[&[u8]]) -> Option<usize> {
        let word = self.line.get(self.at..self.at + 3)?;
        let found = words.iter().position(|known| known.eq_ignore_ascii_case(word))?;
        self.at += 3;
        Some(found)
    }

    fn month(&mut self) -> Option<()> {
        let month = self.word_of(&MONTHS)?;
        self.stamp.month = i8::try_from(month + 1).ok()?;
        Some(())
    }

    fn time(&mut self) -> Option<()> {
        let hour = self.small(2, 0..=23)?;
        self.literal(b':')?;
        let minute = self.small(2, 0..=59)?;
        self.literal(b':')?;
        self.stamp.time = (hour, minute, self.small(2, 0..=60)?.min(59));
        Some(())
    }

    /// What may follow any of them: a fraction, an offset or zone, a colon; then blanks.
    fn end(mut self) -> Option<(Stamp, usize)> {
        if matches!(self.peek(), Some(b'.' | b',')) {
            self.at += 1;
            self.number(1, 9)?;
        }
        self.offset();
        self.zone();
        // Cisco's devices: `Nov 29 16:00:00 UTC: `
        let _ = self.line[self.at..].starts_with(b": ").then(|| self.at += 1);
        let blanks = self.line[self.at..].iter().take_while(|&&byte| byte == b' ').count();
        (blanks > 0).then_some((self.stamp, self.at + blanks))
    }

    /// `Z`, `+01:00`, ` +0100`
    fn offset(&mut self) {
        let before = self.at;
        if self.literal_if(b'Z') {
            self.stamp.offset = Some(0);
            return;
        }
        self.literal_if(b' ');
        self.stamp.offset = self.signed();
        if self.stamp.offset.is_none() {
            self.at = before;
        }
    }

    fn signed(&mut self) -> Option<i32> {
        let sign = match self.peek()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        self.at += 1;
        let digits = self.line[self.at..].iter().take(5).take_while(|byte| byte.is_ascii_digit()).count();
        let (hours, minutes) = match digits {
            4 => {
                let both = self.number(4, 4)?;
                (both / 100, both % 100)
            }
            2 => {
                let hours = self.number(2, 2)?;
                (hours, if self.literal_if(b':') { self.number(2, 2)? } else { 0 })
            }
            _ => return None,
        };
        (hours <= 14 && minutes < 60).then(|| sign * i32::try_from(hours * 3600 + minutes * 60).unwrap_or(0))
    }

    fn zone(&mut self) {
        let Some(rest) = self.line[self.at..].strip_prefix(b" ") else { return };
        let length = rest.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
        let ends = matches!(rest.get(length), Some(b' ' | b':'));
        if ends && ZONES.contains(&&rest[..length]) {
            self.at += 1 + length;
            if self.stamp.offset.is_none() && matches!(&rest[..length], b"UTC" | b"GMT") {
                self.stamp.offset = Some(0);
            }
        }
    }
}
