//! Lines of a few words, and pauses between them that fall around the windows of rules.

use proptest::prelude::*;
use proptest::sample::select;

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

/// The lines of a case.
pub fn lines() -> impl Strategy<Value = Vec<Line>> {
    prop::collection::vec(line(), 1..40)
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
    // Few different pauses, and few different words at the start: composite rules need repeats.
    let pause = select(&[0, 0, 0, 1, 1, 9, 10, 11, 60, 61, 400]);
    let start = select(&["login", "job", "Login", "error"]);
    (pause, header, start, prop::collection::vec(select(WORDS), 0..6)).prop_map(
        |(pause, (host, program), start, words)| {
            let log = std::iter::once(start).chain(words).collect::<Vec<_>>().join(" ");
            Line { pause, host, program, log }
        },
    )
}
