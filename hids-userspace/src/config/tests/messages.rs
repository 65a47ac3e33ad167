//! What an administrator sees.

use super::load_sections;

/// The rendered problems of `sections`, without the folder's name.
fn shown(sections: &str) -> String {
    let folder = super::Folder::new(&format!("<ossec_config>\n{sections}\n</ossec_config>\n"));
    super::rendered(&folder.load().diagnostics).replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn a_wrong_time_is_shown_with_its_place_and_the_right_number() {
    assert_eq!(
        shown("<rootcheck>\n\t<frequency>2h</frequency><disabled>yes</disabled>\n</rootcheck>"),
        "ossec.conf:3:13: error[C014]: `<frequency>` must be a number of seconds, found \"2h\"\n    \
         3 |     <frequency>2h</frequency><disabled>yes</disabled>\n      |                ^^\n   help: two hours are 7200\n"
    );
}

#[test]
fn a_misspelt_option_is_shown_with_the_right_name() {
    assert_eq!(
        shown("<global>\n  <emial_to>ops@example.org</emial_to>\n</global>"),
        "ossec.conf:3:4: error[C004]: `<global>` has no option `<emial_to>`\n    \
         3 |   <emial_to>ops@example.org</emial_to>\n      |    ^^^^^^^^\n   help: did you mean `email_to`?\n"
    );
}

#[test]
fn one_entry_of_a_list_is_pointed_at() {
    assert_eq!(
        shown("<active-response>\n<repeated_offenders>30, 1h</repeated_offenders>\n</active-response>"),
        "ossec.conf:3:25: error[C091]: `<repeated_offenders>` must be minutes up to 525600, found \"1h\"\n    \
         3 | <repeated_offenders>30, 1h</repeated_offenders>\n      |                         ^^\n   \
         help: use comma-separated numbers, for example 30,60,120\n"
    );
}

#[test]
fn a_missing_closing_tag_hides_no_other_mistake() {
    let text = shown("<global>\n<logall>no</logall>\n<alerts>\n<log_alert_level>x</log_alert_level>\n</alerts>");
    for code in ["error[X009]", "error[C004]", "error[C011]"] {
        assert_eq!(text.matches(code).count(), 1, "{text}");
    }
}

#[test]
fn everything_is_reported_in_one_run() {
    let text = "<global><logall>maybe</logall><white_list>1.2.3.999</white_list></global><nonsense><x/></nonsense>
        <localfile><location>/x</location><log_format>sylog</log_format></localfile>
        <active-response><command>y</command><location>lokal</location><level>99</level></active-response>";
    let codes: Vec<_> = load_sections(text).diagnostics.iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["C010", "C015", "C003", "C013", "C081", "C082", "C012"]);
}

#[test]
fn the_source_of_a_problem_with_the_file_itself_is_named() {
    use crate::config::{LoadOptions, load};
    for (path, what) in
        [("/no/such/file", "No such file"), ("/dev/zero", "not a regular file"), ("/", "not a regular file")]
    {
        let loaded = load(&LoadOptions { config: Some(path.into()), ..LoadOptions::default() });
        assert!(loaded.config.is_none());
        assert!(loaded.diagnostics[0].message.contains(what), "{}", loaded.diagnostics[0].message);
        assert_eq!(loaded.diagnostics[0].code, "C001");
    }
}

#[test]
fn a_file_that_has_grown_beyond_all_sense_is_refused() {
    let folder = super::Folder::new("");
    let file = std::fs::File::create(folder.path().join("ossec.conf")).expect("a file");
    file.set_len(crate::config::CONFIG_SIZE_LIMIT_BYTES + 1).expect("a sparse file");
    let loaded = folder.load();
    assert!(loaded.config.is_none() && loaded.diagnostics[0].message.contains("16 MiB"), "{:?}", loaded.diagnostics);
}
