//! Whatever a peer writes into the parts of a line that are its own: no other address is blamed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proptest::prelude::*;

use crate::shipped::Shipped;

/// The address of the peer.
const PEER: &str = "198.51.100.7";

/// The address that the peer wants to be blamed.
const INNOCENT: &str = "203.0.113.9";

/// Lines as daemons write them, from `tests/data/forgeable`: `PEER` is the peer's address, `{}` its own words.
static LINES: LazyLock<String> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/forgeable");
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry of a folder").path())
        .collect();
    paths.sort();
    let read = |path: &PathBuf| fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    paths.iter().map(read).collect()
});

static TEMPLATES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let lines: Vec<&str> = LINES.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert!(lines.len() > 50, "only {} lines were found", lines.len());
    lines
});

/// Each line with plain words of the peer.
pub(crate) fn plain_lines() -> impl Iterator<Item = String> {
    TEMPLATES.iter().map(|template| template.replace("{}", "x").replace("PEER", PEER))
}

/// The program that writes a line, and its message.
fn parts(line: &'static str) -> (&'static str, &'static str) {
    line.split_once("]: ").unwrap_or(("", line))
}

/// Words of the peer: a piece of the very line with the innocent address in it, its tokens mixed, or pieces of others.
fn words(template: &'static str) -> BoxedStrategy<String> {
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
    // A message that is all the peer's own cannot be told from the daemon's.
    if template.ends_with("]: {}") || template == "{}" {
        return prop_oneof![piece, mixed].boxed();
    }
    // H2: what another form of a line looks like, from where its message begins; most often one of the same program.
    let (program, _) = parts(template);
    let is_sibling = |other: &&&'static str| parts(other).0 == program;
    let siblings: Vec<&'static str> = TEMPLATES.iter().filter(is_sibling).copied().collect();
    let other = prop_oneof![prop::sample::select(siblings), prop::sample::select(TEMPLATES.as_slice())];
    let cut = prop_oneof![Just((0, usize::MAX)), (0..200_usize, 0..200_usize)];
    let foreign = (other, cut, "[x \"'>)]{0,2}").prop_map(|(other, (from, to), end)| {
        let message = parts(other).1.replace("{}", "x").replace("PEER", INNOCENT);
        let (from, to) = (from.min(to).min(message.len()), from.max(to).min(message.len()));
        format!("{}{end}", message.get(from..to).unwrap_or_default())
    });
    let foreign = ("[x \"'>)]{0,2}", prop::collection::vec(foreign, 1..=2))
        .prop_map(|(start, pieces)| format!("{start}{}", pieces.concat()));
    prop_oneof![3 => piece, 3 => mixed, 4 => foreign].boxed()
}

/// A line that is a JSON object, or has one behind its header: the writer escapes what it puts into a string.
fn is_json(template: &str) -> bool {
    let message = template.find("{\"").map(|at| template.split_at(at));
    message.is_some_and(|(header, object)| object.contains("\":") && !header.contains("{}"))
}

/// As the daemon escapes it: JSON and web servers escape quotation marks, a HELO name has no blanks or brackets.
fn escaped(template: &str, words: &str) -> String {
    if is_json(template) {
        return words.replace('\\', "\\\\").replace('"', "\\\"").replace('\t', "\\t");
    }
    // CSV doubles them.
    if template.contains(",\"{}\",") {
        return words.replace('"', "\"\"");
    }
    if (template.contains("HTTP/1.1\" ") || template.contains("[25/Nov/2026")) && !template.contains("request: ") {
        words.replace('\\', "\\\\").replace('"', "\\\"")
    } else {
        words.to_owned()
    }
}

fn line() -> impl Strategy<Value = String> {
    prop::sample::select(TEMPLATES.as_slice()).prop_flat_map(|template| {
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
    // PROPTEST_CASES asks for more.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(20_000), ..ProptestConfig::default() })]

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
    let silent: Vec<&str> = TEMPLATES
        .iter()
        .copied()
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

/// Found by reading the patterns; each once named the innocent.
#[test]
fn words_that_imitate_the_rest_of_a_line_name_nobody_else() {
    let mut engine = Shipped::new();
    for line in [
        r#"Wed Nov 25 10:00:00 2026 [pid 1] [anonymous] OK LOGIN: Client "198.51.100.7", anon password "a] FAIL LOGIN: Client "203.0.113.9""#,
        r#"Wed Nov 25 10:00:00 2026 [pid 1] [ftp] OK LOGIN: Client "198.51.100.7", anon password "a] FAIL LOGIN: Client "203.0.113.9", anon password "b""#,
        r#"Wed Nov 25 10:00:00 2026 [pid 1] [ftp] OK LOGIN: Client "198.51.100.7", anon password "[pid 1] [x] FAIL LOGIN: Client "203.0.113.9""#,
        r#"Wed Nov 25 10:00:00 2026 [pid 1] [ftp] OK LOGIN: Client "198.51.100.7", anon password "] CONNECT: Client "203.0.113.9""#,
        r#"Nov 25 10:00:00 h sshd[1]: Failed rhosts-rsa for Failed hostbased for root from 203.0.113.9 port 4 ssh2: RSA SHA256:x, client user "x", client host "x" from 198.51.100.7 port 4 ssh1: ruser ""#,
        "Nov 25 10:00:00 h sshd[1]: Failed publickey for root from 198.51.100.7 port 4 ssh2: RSA-CERT ID from 203.0.113.9 port 4 ssh2: RSA-CERT ID x (serial 0) CA RSA SHA256:y (serial 0) CA RSA SHA256:y",
        r#"[Wed Nov 25 10:00:00.1 2026] [php7:notice] [pid 7] [Wed Nov 25 10:00:00.1 2026] [security2:error] [pid 7:tid 8] [client 203.0.113.9:40022] [client 203.0.113.9] ModSecurity: Access denied with code 403 (phase 2). [uri "x"]"#,
        "[2026-11-25 10:00:00] NOTICE[1]: chan_sip.c:1 h: Call from '' (198.51.100.7:5060) to extension 'manager.c: 203.0.113.9 failed to authenticate as 'x' rejected because extension not found in context 'y'.",
        "[2026-11-25 10:00:00] NOTICE[1]: chan_sip.c:1 h: Call from 'chan_iax2.c: Host 203.0.113.9 failed MD5 authentication for 'x' (198.51.100.7:5060) to extension '1' rejected because extension not found in context 'y'.",
    ] {
        engine.reset();
        let answer = engine.answer(line, 0);
        assert!(answer.srcip.as_deref().is_none_or(|address| !address.contains(INNOCENT)), "{answer:?}: {line}");
    }
}

/// H2, found with nginx 1.22 and Apache 2.4: a raw Host header, or an ident answer, holds another address.
#[test]
fn access_log_that_can_be_read_in_two_ways_names_nobody() {
    let mut engine = Shipped::new();
    let rest = r#"[25/Nov/2026:10:00:00 +0000] "GET /x?f=/etc/passwd HTTP/1.1" 400 157 "-" "-""#;
    for front in [
        "x 203.0.113.9 - x 198.51.100.7 - -",
        "203.0.113.9 - x 198.51.100.7 - -",
        "203.0.113.9 - 198.51.100.7 - -",
        "203.0.113.9 - 198.51.100.7",
        "203.0.113.9 198.51.100.7 - -",
        "198.51.100.7 203.0.113.9 -",
        "198.51.100.7 203.0.113.9 - -",
        "2001:db8::9 - x 2001:db8::7 - -",
    ] {
        for header in ["", "Nov 25 10:00:00 h nginx: "] {
            let line = format!("{header}{front} {rest}");
            engine.reset();
            let answer = engine.answer(&line, 0);
            assert_eq!((answer.decoder.as_deref(), answer.srcip), (Some("web-accesslog"), None), "{line}");
            assert!(answer.rule.is_some_and(|rule| rule > 31100), "the request still counts: {line}");
        }
    }
}

/// H2: the forms that can be read in one way only.
#[test]
fn exact_access_log_still_names_its_client() {
    let mut engine = Shipped::new();
    for front in [
        "198.51.100.7 - -",
        "198.51.100.7 - ann",
        "198.51.100.7 - john doe",
        "198.51.100.7 - a - b",
        "198.51.100.7 - \"\"",
        "www.example.org:80 198.51.100.7 - -",
        "192.0.2.1:80 198.51.100.7 - -",
        "www.example.org 198.51.100.7 - ann",
        "- 198.51.100.7 - -",
    ] {
        for header in ["", "Nov 25 10:00:00 h nginx: "] {
            let line = format!("{header}{front} [25/Nov/2026:10:00:00 +0000] \"GET /x HTTP/1.1\" 404 157 \"-\" \"-\"");
            engine.reset();
            assert_eq!(engine.answer(&line, 0).srcip.as_deref(), Some(PEER), "{line}");
        }
    }
}

#[test]
fn the_peers_of_such_lines_are_still_named() {
    let mut engine = Shipped::new();
    for line in [
        r#"Wed Nov 25 10:00:00 2026 [pid 1] [anonymous] OK LOGIN: Client "198.51.100.7", anon password "me@here""#,
        r#"Wed Nov 25 10:00:00 2026 [pid 1] CONNECT: Client "198.51.100.7""#,
        r#"Nov 25 10:00:00 h vsftpd[1]: [ann] FAIL LOGIN: Client "198.51.100.7""#,
        "[2026-11-25 10:00:00] NOTICE[1] manager.c: 198.51.100.7 failed to authenticate as 'ann'",
        "[2026-11-25 10:00:00] NOTICE[1]: manager.c:2500 authenticate: 198.51.100.7 failed to authenticate as 'ann'",
    ] {
        engine.reset();
        let answer = engine.answer(line, 0);
        assert_eq!(answer.srcip.as_deref(), Some(PEER), "{line}");
    }
}
