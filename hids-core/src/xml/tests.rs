// These read the reference configurations and measure; the module itself does neither.
#![expect(clippy::disallowed_methods, reason = "tests read their files")]

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::diag::{Diagnostic, Severity, SourceFile, has_errors};

fn read(text: impl AsRef<[u8]>) -> (Vec<Element>, Vec<Diagnostic>) {
    parse(&SourceFile::new("f.xml", text.as_ref()))
}

/// The roots of a file without any problem.
fn clean(text: &str) -> Vec<Element> {
    let (roots, problems) = read(text);
    assert_eq!(problems, [], "{text}");
    roots
}

fn codes(text: impl AsRef<[u8]>) -> Vec<(&'static str, usize)> {
    read(text).1.iter().map(|problem| (problem.code, problem.span.as_ref().map_or(0, |span| span.start))).collect()
}

/// `name[attributes](children)text`, compact.
fn shape(elements: &[Element]) -> String {
    let mut out = String::new();
    for element in elements {
        let _ = write!(out, "<{}", element.name.value);
        for attribute in &element.attributes {
            let _ = write!(out, " {}={:?}", attribute.name.value, attribute.value.value);
        }
        let _ = write!(out, ">{}{}</>", shape(&element.children), element.text.value);
    }
    out
}

#[test]
fn several_roots_and_comments_between_them_are_read() {
    let roots = clean("\u{feff}<?xml version='1.0'?>\n<!-- a --><a>1</a>\n<!DOCTYPE x !>\n<b/><c />");
    assert_eq!(shape(&roots), "<a>1</><b></><c></>");
}

#[test]
fn a_comment_inside_text_joins_both_sides() {
    assert_eq!(shape(&clean("<a>x<!-- <b> & \" -->y<!z!>z<!w--->w</a>")), "<a>xyzw</>");
}

// O-B14: a document type is no comment that somebody forgot to close.
#[test]
fn a_document_type_has_a_message_of_its_own() {
    for text in ["<!DOCTYPE a><a/>", "<!doctype a [<!ENTITY x 'y'>]><a/>", "<a/><!ELEMENT a ANY>"] {
        let (_, problems) = read(text);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!((problems[0].code, problems[0].severity), ("X002", Severity::Error));
        assert!(problems[0].message.starts_with("this document type declaration"), "{problems:?}");
        assert!(problems[0].help.as_deref().is_some_and(|help| help.starts_with("remove it")), "{problems:?}");
    }
    assert!(read("<a><!-- x </a>").1[0].message.starts_with("this comment is not closed"));
}

// O-B14: the same with a comment further down, which ends what the declaration has begun.
#[test]
fn a_declaration_that_hides_elements_up_to_the_next_comment_is_warned_of() {
    for start in ["<!DOCTYPE a>", "<![CDATA[x]]>", "<! note>"] {
        let (roots, problems) = read(format!("{start}\n<a/>\n<!-- y -->\n<b/>"));
        assert_eq!(shape(&roots), "<b></>", "{start}");
        assert_eq!((problems[0].code, problems[0].severity), ("X002", Severity::Warning), "{start}");
        assert!(problems[0].message.contains("3 lines are ignored"), "{problems:?}");
    }
    clean("<!-- <a> > <b> --><c/><!DOCTYPE x !><d/>");
}

#[test]
fn an_escaped_less_than_is_literal_and_keeps_its_backslash() {
    assert_eq!(shape(&clean(r"<a>\<b> x\\<y \<!-- </a>")), r"<a>\<b> x\\<y \<!-- </>");
}

#[test]
fn entities_quotes_and_blanks_stay_as_they_are() {
    assert_eq!(shape(&clean("<a> &lt; & &amp \"' > 8\t</a>")), "<a> &lt; & &amp \"' > 8\t</>");
}

#[test]
fn attributes_take_either_quote_and_anything_inside() {
    let roots = clean("<a b=\"it's > & < &lt;\" c= 'say \"x\"'\n d=\"\"/>");
    assert_eq!(shape(&roots), "<a b=\"it's > & < &lt;\" c=\"say \\\"x\\\"\" d=\"\"></>");
    assert!(roots[0].attribute("C").is_none());
    assert!(roots[0].attribute_ignoring_case("C").is_some());
}

#[test]
fn text_of_an_element_with_children_is_what_follows_the_last() {
    let (roots, problems) = read("<a>one<b/>two<c/>three</a>");
    assert_eq!(roots[0].text.value, "three");
    assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), ["X011", "X011", "X011"]);
    assert!(!has_errors(&problems));
}

#[test]
fn spans_point_at_what_was_written() {
    let text = "<!-- ü --><rule id=\"5\">\n  <match>a\\<ü<!-- x -->b</match></rule>";
    let root = &clean(text)[0];
    let at = |span: &crate::diag::Span| &text[span.start..span.end];
    assert_eq!(at(&root.name.span), "rule");
    assert_eq!(at(&root.attributes[0].name.span), "id");
    assert_eq!(at(&root.attributes[0].value.span), "5");
    assert_eq!(at(&root.span), &text[11..]);
    assert_eq!(at(&root.children[0].text.span), "a\\<ü<!-- x -->b");
    assert_eq!(root.children[0].text.value, "a\\<üb");
}

#[test]
fn each_mistake_is_reported_where_it_stands() {
    for (text, expected) in [
        ("<a>", vec![("X009", 0)]),
        ("</a>", vec![("X010", 0)]),
        ("<a></b></a>", vec![("X010", 3)]),
        ("<a></a >", vec![("X010", 3)]),
        ("<a></A>", vec![("X010", 3)]),
        ("<global></globl>", vec![("X010", 8)]),
        ("<a><b></a>", vec![("X009", 3)]),
        ("<a>1 < 2</a>", vec![("X004", 5)]),
        ("<a <b></b></a>", vec![("X005", 0)]),
        ("<a", vec![("X005", 0)]),
        ("<a x=\"1></a>", vec![("X006", 5)]),
        ("<a x=\"1>\n<b y=\"2\"/></a>", vec![("X006", 5)]),
        ("<a x></a>", vec![("X007", 4)]),
        ("<a x=1></a>", vec![("X007", 5)]),
        ("<a x =\"1\"></a>", vec![("X007", 3)]),
        ("<a x=\"1\"y=\"2\"></a>", vec![("X007", 6)]),
        ("<a x=\"1\" x=\"2\"></a>", vec![("X008", 9)]),
        ("<a><!-- x </a>", vec![("X002", 3)]),
        ("<a><![CDATA[x]]></a>", vec![("X002", 3)]),
        ("<?xml <a></a>", vec![("X003", 0)]),
        (" <?xml ?><a></a>", vec![("X003", 1)]),
        ("hello<a/>", vec![("X011", 0)]),
    ] {
        assert_eq!(codes(text), expected, "{text}");
    }
}

#[test]
fn what_follows_a_mistake_is_still_read() {
    let text = "<a><b>1</b><c x=1>2</c><d>3<e>4</e></a><f>5 < 6</f><g";
    let (roots, problems) = read(text);
    assert_eq!(shape(&roots), "<a><b>1</><c>2</><d><e>4</></></><f>5 < 6</>");
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    assert_eq!(errors, 4, "{problems:#?}");
}

#[test]
fn a_tag_without_its_end_still_holds_its_value() {
    assert_eq!(shape(&read("<a><email_to me@example.org</email_to></a>").0), "<a><email_to>me@example.org</></>");
    assert_eq!(shape(&read("<rule id=\"5\"\n<match>x</match></rule>").0), "<rule id=\"5\"><match>x</></>");
}

#[test]
fn bytes_that_are_not_text_are_reported_and_replaced() {
    let (roots, problems) = read(b"<a b=\"\xff\">x\xc3\x00y\x01</a>");
    assert_eq!(shape(&roots), "<a b=\"\u{fffd}\">x\u{fffd}\u{fffd}y\u{1}</>");
    assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), ["X001", "X001"]);
    assert!(!has_errors(&problems));
}

#[test]
fn a_file_that_uses_every_control_byte_is_read() {
    let mut text = b"<a>&\\<".to_vec();
    text.extend(0x01..0x20);
    text.extend(b"</a>");
    let (roots, problems) = read(&text);
    assert!(roots[0].text.value.starts_with("&\\<"));
    assert!(!has_errors(&problems));
}

#[test]
fn too_long_and_too_deep_are_errors() {
    let long = "x".repeat(TEXT_LIMIT_BYTES + 1);
    for text in [format!("<a>{long}</a>"), format!("<{long}/>"), format!("<a b='{long}'/>"), format!("<a {long}=''/>")]
    {
        assert_eq!(codes(&text).iter().map(|(code, _)| *code).collect::<Vec<_>>(), ["X012"]);
    }
    assert_eq!(codes(format!("<a>{}</a>", &long[1..])), []);
    let deep = |depth| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    assert_eq!(codes(deep(DEPTH_LIMIT)), []);
    assert_eq!(codes(deep(DEPTH_LIMIT + 9)), [("X013", 3 * DEPTH_LIMIT)]);
}

#[test]
fn a_hopeless_file_gives_a_bounded_report() {
    let (_, problems) = read("<a x=1>".repeat(5000));
    assert!(problems.len() < 200, "{}", problems.len());
    assert!(has_errors(&problems));
    assert_eq!(problems.last().map(|problem| problem.code), Some("X015"));
}

fn arbitrary_tree() -> impl Strategy<Value = Tree> {
    let name = "[a-zA-Z_][a-zA-Z0-9_.:-]{0,8}";
    let leaf = (
        name,
        prop::collection::btree_map(name, "[^\"\0\\p{Cc}]{0,12}", 0..3),
        "([^<\0\\p{Cc}]|\\\\<){0,12}[^\\\\<\0\\p{Cc}]?",
    )
        .prop_map(|(name, attributes, text)| Tree {
            name,
            attributes: attributes.into_iter().collect(),
            children: vec![],
            text,
        });
    leaf.prop_recursive(4, 40, 5, move |inner| {
        (name, prop::collection::vec(inner, 1..5)).prop_map(|(name, children)| Tree {
            name,
            attributes: vec![],
            children,
            text: String::new(),
        })
    })
}

#[derive(Clone, Debug)]
struct Tree {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Tree>,
    text: String,
}

impl Tree {
    fn write(&self, out: &mut String) {
        let _ = write!(out, "<{}", self.name);
        for (name, value) in &self.attributes {
            let _ = write!(out, " {name}=\"{value}\"");
        }
        out.push('>');
        self.children.iter().for_each(|child| child.write(out));
        // A backslash at the end would escape the closing tag.
        let text = self.text.trim_end_matches('\\');
        let _ = write!(out, "{text}</{}>", self.name);
    }

    fn same_as(&self, element: &Element) -> bool {
        self.name == element.name.value
            && self.text.trim_end_matches('\\') == element.text.value
            && self.attributes.iter().eq(element
                .attributes
                .iter()
                .map(|a| (a.name.value.clone(), a.value.value.clone()))
                .collect::<Vec<_>>()
                .iter())
            && self.children.len() == element.children.len()
            && self.children.iter().zip(&element.children).all(|(tree, child)| tree.same_as(child))
    }
}

fn spans_inside(elements: &[Element], size: usize) -> bool {
    elements.iter().all(|element| {
        let attributes = element.attributes.iter().flat_map(|attribute| [&attribute.name.span, &attribute.value.span]);
        let mut spans = attributes.chain([&element.name.span, &element.text.span, &element.span]);
        spans.all(|span| span.start <= span.end && span.end <= size) && spans_inside(&element.children, size)
    })
}

proptest! {
    #[test]
    fn a_written_tree_is_read_back(tree in arbitrary_tree()) {
        let mut text = String::new();
        tree.write(&mut text);
        let (roots, problems) = read(&text);
        prop_assert!(!has_errors(&problems), "{text}\n{problems:#?}");
        prop_assert_eq!(roots.len(), 1);
        prop_assert!(tree.same_as(&roots[0]), "{text}\n{}", shape(&roots));
    }

    #[test]
    fn any_bytes_are_read_without_panic_and_spans_lie_inside(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        check_any(&bytes)?;
    }

    #[test]
    fn any_markup_is_read_without_panic_and_spans_lie_inside(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40)
    ) {
        check_any(&pieces.concat())?;
    }
}

const PIECES: &[&[u8]] = &[
    b"<",
    b">",
    b"/",
    b"!",
    b"--",
    b"<!--",
    b"-->",
    b"!>",
    b"<?xml",
    b"?>",
    b"\\",
    b"\\<",
    b"&",
    b"=",
    b"\"",
    b"'",
    b" ",
    b"\n",
    b"a",
    b"<a",
    b"</a>",
    b"<a>",
    b"<b c=\"d\">",
    b"\xff",
    b"\x00",
    b"\x01",
    b"\xef\xbb\xbf",
    "ü".as_bytes(),
];

fn check_any(bytes: &[u8]) -> Result<(), TestCaseError> {
    let (roots, problems) = read(bytes);
    prop_assert!(spans_inside(&roots, bytes.len()));
    for problem in &problems {
        if let Some(span) = &problem.span {
            prop_assert!(span.start <= span.end && span.end <= bytes.len());
        }
        let _ = problem.render();
    }
    Ok(())
}

#[test]
fn ossec_own_files_are_read_without_errors() {
    let Some(shared) = shared_data("ossec-ruleset") else { return };
    let mut files = Vec::new();
    for folder in ["etc", "rules", "conf-samples"] {
        files.extend(
            std::fs::read_dir(shared.join(folder))
                .expect("folder of the test data")
                .flatten()
                .map(|entry| entry.path()),
        );
    }
    let mut seen = 0;
    for path in files.iter().filter(|path| path.extension().is_some_and(|end| end == "xml" || end == "conf")) {
        let text = std::fs::read(path).expect("file of the test data");
        let (roots, problems) = parse(&SourceFile::new(path.display().to_string(), text));
        let errors: Vec<_> =
            problems.iter().filter(|problem| problem.severity == Severity::Error).map(Diagnostic::render).collect();
        assert!(errors.is_empty(), "{}", errors.concat());
        assert!(!roots.is_empty(), "{}", path.display());
        seen += 1;
    }
    assert!(seen > 50, "{seen}");
}

/// A folder of the data shared between projects, which is not part of this repository.
fn shared_data(folder: &str) -> Option<std::path::PathBuf> {
    let found = hids_tests::require::shared()?.join("testdata").join(folder);
    if found.is_dir() {
        return Some(found);
    }
    hids_tests::require::skip("shared", &format!("there is no {}", found.display()));
    None
}

#[test]
fn files_made_to_be_slow_are_read_quickly() {
    let size = 1 << 20;
    for piece in [
        "<?\n",
        "<a \"",
        "<a '\n",
        "<!",
        "</a>",
        "<a>",
        "<a b=\"",
        "<",
        "&",
        "\\<",
        "-->",
        "<a b='c' ",
        "<a\n",
        "\u{0}",
    ] {
        let text = piece.repeat(size / piece.len());
        let start = std::time::Instant::now();
        let (_, problems) = read(&text);
        // Generous for an unoptimised build on a busy machine; what is quadratic takes hours.
        assert!(start.elapsed().as_secs() < 20, "{piece:?} takes {:?}", start.elapsed());
        assert!(problems.len() < 200, "{piece:?}");
    }
    let long = "x".repeat(size / 2);
    assert!(has_errors(&read(format!("<{long}></{long}y>")).1));
}
