//! Word match: how group names are compared.

/// Alternatives, each a substring or, with `^`, a prefix; ASCII case does not count.
#[derive(Debug)]
pub(super) struct Words(Vec<Word>);

#[derive(Debug)]
struct Word {
    text: Box<[u8]>,
    at_start: bool,
}

impl Words {
    pub(super) fn new(pattern: &str) -> Self {
        if pattern.is_empty() {
            return Self(Vec::new());
        }
        let word = |alternative: &str| {
            let rest = alternative.strip_prefix('^');
            Word { text: rest.unwrap_or(alternative).as_bytes().into(), at_start: rest.is_some() }
        };
        Self(pattern.split('|').map(word).collect())
    }

    pub(super) fn is_match(&self, subject: &[u8]) -> bool {
        self.0.iter().any(|word| {
            let length = word.text.len();
            if length == 0 {
                return true;
            }
            let here = |window: &[u8]| window.eq_ignore_ascii_case(&word.text);
            if word.at_start { subject.get(..length).is_some_and(here) } else { subject.windows(length).any(here) }
        })
    }
}
