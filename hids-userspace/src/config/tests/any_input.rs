//! Whatever is in the file: an answer, no panic, and no configuration that an error belies.

use hids_core::diag::has_errors;
use proptest::prelude::*;

use super::Folder;
use crate::config::known::SECTIONS;

fn check(text: &[u8]) -> Result<(), TestCaseError> {
    let folder = Folder::new("");
    folder.add("ossec.conf", text);
    let loaded = folder.load();
    prop_assert_eq!(loaded.config.is_none(), has_errors(&loaded.diagnostics));
    for problem in &loaded.diagnostics {
        let text = problem.render();
        prop_assert!(!text.chars().any(|char| char.is_control() && char != '\n'), "{text:?}");
    }
    Ok(())
}

/// A section with options of any section and values of many kinds.
fn arbitrary_section() -> impl Strategy<Value = String> {
    let section = prop::sample::select(SECTIONS.iter().map(|spec| spec.name).collect::<Vec<_>>());
    let option = prop::sample::select(
        SECTIONS.iter().flat_map(|spec| spec.options.iter().map(|option| option.name)).collect::<Vec<_>>(),
    );
    let value = prop_oneof![
        Just(String::new()),
        "[ -~]{0,12}",
        "\\PC{0,8}",
        prop::sample::select(vec![
            "yes",
            "no",
            "7",
            "-1",
            "99999999999999999999",
            "a@b.c",
            "!10.0.0.0/8",
            "any",
            "::/0",
            "local",
            "defined-agent",
            "command",
            "/x/*%Y",
            "multi-line:",
            "x\n",
            "30,60,0",
            "..",
            "12:30 pm",
            "monday",
            "0x",
            "1.2.3.4.5",
            "\u{1f600}",
        ])
        .prop_map(str::to_owned),
    ];
    let options = prop::collection::vec((option, value), 0..6);
    (section, options).prop_map(|(section, options)| {
        let inside: String = options.iter().map(|(name, value)| format!("<{name}>{value}</{name}>")).collect();
        format!("<{section}>{inside}</{section}>\n")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check(&bytes)?;
    }

    #[test]
    fn any_options_are_answered(sections in prop::collection::vec(arbitrary_section(), 0..6)) {
        check(format!("<ossec_config>\n{}</ossec_config>", sections.concat()).as_bytes())?;
    }
}
