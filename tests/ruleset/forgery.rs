//! Whatever a peer writes into the parts of a line that are its own: no other address is blamed.

use proptest::prelude::*;

use crate::shipped::Shipped;

/// The address of the peer.
const PEER: &str = "198.51.100.7";

/// The address that the peer wants to be blamed.
const INNOCENT: &str = "203.0.113.9";

/// Lines as daemons write them: `PEER` is the peer's address, `{}` its own words.
const LINES: &str = include_str!("../data/forgeable-lines.txt");

fn templates() -> Vec<&'static str> {
    let lines: Vec<&str> = LINES.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert!(lines.len() > 50, "only {} lines were found", lines.len());
    lines
}

/// Words of the peer: a piece of the very line with the innocent address in it, or its tokens mixed.
fn words(template: &'static str) -> impl Strategy<Value = String> {
    let imitation = template.replace("{}", "x").replace("PEER", INNOCENT);
    let length = imitation.len();
    let piece = (0..length, 0..=length, "[x \"'>)]{0,2}").prop_map(move |(from, to, end)| {
        let (from, to) = (from.min(to), from.max(to));
        format!("{}{end}", imitation.get(from..to).unwrap_or_default())
    });
    let tokens: Vec<String> = template
        .split_inclusive([' ', ',', ';', ':', '[', ']', '(', ')', '<', '>', '"', '\'', '='])
        .chain([INNOCENT, INNOCENT, " ", "\"", "'", ">", ")", "]", ", ", ": ", " from ", " port 1", "::ffff:"])
        .map(|token| token.replace("PEER", INNOCENT).replace("{}", ""))
        .collect();
    let mixed = prop::collection::vec(prop::sample::select(tokens), 1..14).prop_map(|tokens| tokens.concat());
    prop_oneof![piece, mixed]
}

/// As the daemon escapes it: web servers escape quotation marks, a HELO name has no blanks or brackets.
fn escaped(template: &str, words: &str) -> String {
    if template.contains("HTTP/1.1\" ") && !template.contains("request: ") {
        words.replace('\\', "\\\\").replace('"', "\\\"")
    } else {
        words.to_owned()
    }
}

fn line() -> impl Strategy<Value = String> {
    prop::sample::select(templates()).prop_flat_map(|template| {
        let parts = template.matches("{}").count();
        prop::collection::vec(words(template), parts).prop_map(move |words| {
            let mut line = template.replace("PEER", PEER);
            for word in &words {
                line = line.replacen("{}", &escaped(template, word).replace("{}", ""), 1);
            }
            line
        })
    })
}

thread_local! {
    static ENGINE: std::cell::RefCell<Option<Shipped>> = const { std::cell::RefCell::new(None) };
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn only_the_peer_is_ever_named(line in line()) {
        let answer = ENGINE.with_borrow_mut(|engine| {
            let engine = engine.get_or_insert_with(Shipped::new);
            engine.reset();
            engine.answer(&line, 0)
        });
        prop_assert!(
            answer.srcip.as_deref().is_none_or(|address| !address.contains(INNOCENT)),
            "{:?} blamed by {:?}: {line}", answer.srcip, answer.decoder,
        );
    }
}

#[test]
fn the_peer_is_named_when_its_words_are_plain() {
    let mut engine = Shipped::new();
    let silent: Vec<&str> = templates()
        .into_iter()
        .filter(|template| template.contains("PEER"))
        .filter(|template| {
            engine.reset();
            let answer = engine.answer(&template.replace("PEER", PEER).replace("{}", "ann"), 0);
            answer.srcip.as_deref() != Some(PEER)
        })
        .collect();
    let allowed = LINES.lines().filter_map(|line| line.strip_prefix("# no address: ")).collect::<Vec<_>>();
    let unexpected: Vec<_> = silent.iter().filter(|line| !allowed.contains(*line)).collect();
    assert!(unexpected.is_empty(), "no address is found in:\n{unexpected:#?}");
}
