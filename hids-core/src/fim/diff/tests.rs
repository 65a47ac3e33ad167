use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

const WIDE: DiffLimits = DiffLimits { lines: usize::MAX, bytes: usize::MAX };

#[test]
fn a_change_is_shown_with_its_surroundings() {
    let old = b"one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n";
    let new = b"one\ntwo\nthree\nfour\n5\nsix\nseven\neight\nnine\n";
    assert_eq!(
        diff(old, new, DiffLimits::default()),
        "@@ -2,7 +2,8 @@\n two\n three\n four\n-five\n+5\n six\n seven\n eight\n+nine\n"
    );
}

#[test]
fn ends_of_files() {
    for (old, new, wanted) in [
        ("", "a\n", "@@ -0,0 +1 @@\n+a\n"),
        ("a\n", "", "@@ -1 +0,0 @@\n-a\n"),
        ("a", "a\n", "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n"),
        ("a\n", "a\nb", "@@ -1 +1,2 @@\n a\n+b\n\\ No newline at end of file\n"),
        ("x\n", "x\r\n", "@@ -1 +1 @@\n-x\n+x\\r\n"),
        ("\n", "\n\n", "@@ -1 +1,2 @@\n \n+\n"),
        ("same", "same", ""),
    ] {
        assert_eq!(diff(old.as_bytes(), new.as_bytes(), DiffLimits::default()), wanted, "{old:?} {new:?}");
    }
}

#[test]
fn other_content_has_no_diff() {
    assert_eq!(diff(b"\x7fELF\0\0", b"text\n", DiffLimits::default()), NOT_TEXT);
    assert_eq!(diff(b"text\n", &[1, 2, 3, 4, 5, 6], DiffLimits::default()), NOT_TEXT);
    assert!(is_text("Gr\u{fc}\u{df}e\n\x1b[0m".as_bytes()) && is_text(b"latin \xe4\n") && is_text(b""));
}

#[test]
fn a_long_diff_is_cut_between_lines() {
    let new: Vec<u8> = (0..100).flat_map(|line| format!("line {line}\n").into_bytes()).collect();
    let text = diff(b"", &new, DiffLimits::STRICT);
    assert_eq!(text.lines().count(), 21);
    assert!(text.ends_with("+line 18\n... diff was truncated ...\n"), "{text}");
    let long = diff(b"", &[b'x'; 100_000], DiffLimits::STRICT);
    assert!(long.len() < 1000 && long.contains("xxx...\n"), "{long}");
}

#[test]
fn changes_far_apart_are_both_shown() {
    let old: Vec<String> = (0..50_000).map(|line| format!("line {line}\n")).collect();
    let mut new = old.clone();
    new[10] = "first\n".into();
    new.insert(20_000, "second\n".into());
    new[49_000] = "third\n".into();
    let text = diff(old.concat().as_bytes(), new.concat().as_bytes(), DiffLimits::default());
    let marked: Vec<&str> = text.lines().filter(|line| line.starts_with(['+', '-'])).collect();
    assert_eq!(marked, ["-line 10", "+first", "+second", "-line 48999", "+third"]);
}

/// Shuffled lines, lines of one kind, and lines that differ only at their ends are the worst cases.
#[test]
#[expect(clippy::disallowed_methods, reason = "how long it takes is what is tested")]
fn a_hostile_mebibyte_does_not_take_long() {
    let shuffled = |seed: u64| -> Vec<u8> {
        let mut state = seed;
        (0..131_072)
            .flat_map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                format!("{:07x}\n", (state >> 40) % 2000).into_bytes()
            })
            .collect()
    };
    let few: Vec<u8> = (0..99_000u32).flat_map(|line| if line % 7 == 0 { *b"a\n" } else { *b"b\n" }).collect();
    let many: Vec<u8> = (0..99_000u32).flat_map(|line| if line % 5 == 0 { *b"a\n" } else { *b"b\n" }).collect();
    let long = |end: u8| -> Vec<u8> {
        (0..2048u32)
            .flat_map(|_| {
                let mut line = vec![b'x'; 510];
                line.extend([end, b'\n']);
                line
            })
            .collect()
    };
    for (old, new) in [(shuffled(1), shuffled(2)), (few, many), (long(b'1'), long(b'2'))] {
        let start = Instant::now();
        let text = diff(&old, &new, DiffLimits::default());
        assert!(text.ends_with("... diff was truncated ...\n"));
        // Some hundredths of a second; tests are not optimised and share the machine.
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    }
}

/// Applies a diff made with wide limits.
fn apply(old: &[u8], diff: &str) -> Vec<u8> {
    let old: Vec<&[u8]> = old.split_inclusive(|byte| *byte == b'\n').collect();
    let (mut new, mut at): (Vec<Vec<u8>>, usize) = (Vec::new(), 0);
    let mut last_added = false;
    for line in diff.lines() {
        if let Some(place) = line.strip_prefix("@@ -") {
            let (start, length) =
                place.split(' ').next().unwrap().split_once(',').unwrap_or((place.split(' ').next().unwrap(), "1"));
            let start: usize = start.parse().unwrap();
            let start = if length == "0" { start } else { start - 1 };
            new.extend(old[at..start].iter().map(|line| line.to_vec()));
            at = start;
        } else if line.starts_with(' ') {
            new.push(old[at].to_vec());
            (at, last_added) = (at + 1, true);
        } else if line.starts_with('-') {
            (at, last_added) = (at + 1, false);
        } else if let Some(text) = line.strip_prefix('+') {
            new.push(format!("{text}\n").into_bytes());
            last_added = true;
        } else if line == NO_NEWLINE && last_added && new.last().is_some_and(|line| line.ends_with(b"\n")) {
            new.last_mut().unwrap().pop();
        }
    }
    new.extend(old[at..].iter().map(|line| line.to_vec()));
    new.concat()
}

fn text() -> impl Strategy<Value = String> {
    (prop::collection::vec("[abc]{0,2}", 0..40), any::<bool>()).prop_map(|(lines, newline)| {
        let text = lines.join("\n");
        if newline && !text.is_empty() { text + "\n" } else { text }
    })
}

proptest! {
    #[test]
    fn a_diff_makes_the_new_text_of_the_old(old in text(), new in text()) {
        let made = diff(old.as_bytes(), new.as_bytes(), WIDE);
        prop_assert_eq!(String::from_utf8(apply(old.as_bytes(), &made)).unwrap(), new, "{}", made);
    }

    #[test]
    fn every_line_of_a_diff_is_marked(old in any::<Vec<u8>>(), new in any::<Vec<u8>>(), lines in 0usize..30) {
        let made = diff(&old, &new, DiffLimits { lines, bytes: 2000 });
        for line in made.lines() {
            let known = line == NOT_TEXT || line == TRUNCATED;
            prop_assert!(known || line.starts_with([' ', '+', '-', '@', '\\']), "{line:?}");
            prop_assert!(!line.contains(|char: char| char.is_control() && char != '\t'));
        }
        prop_assert!(made.len() <= 2000 + TRUNCATED.len() + 1);
    }
}
