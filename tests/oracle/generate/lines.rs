//! Lines of a few words, and pauses between them that fall around the windows of rules.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::model::Line;

const WORDS: &[&str] = &[
    "login",
    "Login",
    "failed",
    "FAILED",
    "ok",
    "error",
    "job",
    "user=ann",
    "user=bob",
    "user=Ann",
    "from 192.0.2.1",
    "from 192.0.2.2",
    "from 2001:db8:0:1::1",
    "from 2001:db8:0:1:ff::2",
    "from 2001:db8:0:2::1",
    "from 10.1.2.3",
    "id=1",
    "id=22",
    "url=/a",
    "url=/b",
    "status=200",
    "status=404",
    "act=drop",
    "act=Allow",
    "color=red",
    "port=22",
    "port=80",
    "(x)",
    "a-b",
    "x:y",
    "",
    "user=",
    "$1",
];

/// The lines of a case: a few different ones, again and again, as composite rules want them.
pub(super) fn lines() -> impl Strategy<Value = Vec<Line>> {
    let pause = select(&[0, 0, 0, 0, 1, 1, 1, 2, 9, 10, 11, 60, 400]);
    let sequence = prop::collection::vec((any::<Index>(), pause), 1..90);
    (prop::collection::vec(line(), 1..6), sequence).prop_map(|(known, sequence)| {
        sequence.into_iter().map(|(index, pause)| Line { pause, ..index.get(&known).clone() }).collect()
    })
}

fn line() -> impl Strategy<Value = Line> {
    let header = select(&[
        (None, None),
        (None, None),
        (Some("h1"), None),
        (Some("h1"), Some("demo")),
        (Some("h1"), Some("demo")),
        (Some("h1"), Some("Demo2")),
        (Some("h2"), Some("demo")),
        (Some("h2"), Some("other")),
    ]);
    let start = select(&["login", "job", "Login", "error"]);
    (header, start, prop::collection::vec(select(WORDS), 1..7)).prop_map(|((host, program), start, words)| {
        let log = std::iter::once(start).chain(words).collect::<Vec<_>>().join(" ");
        Line { pause: 0, host, program, log }
    })
}
