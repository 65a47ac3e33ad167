//! Which decoder and rule files are loaded.

use hids_core::diag::Severity;

use super::{Folder, codes, rendered};

fn names(paths: &[std::path::PathBuf], folder: &Folder) -> Vec<String> {
    paths.iter().map(|path| path.strip_prefix(folder.path()).unwrap_or(path).display().to_string()).collect()
}

fn folder(rules: &str) -> Folder {
    let folder = Folder::new(&format!("<ossec_config>{rules}</ossec_config>"));
    for name in ["rules/b.xml", "rules/a.xml", "rules/a.txt", "etc/mine.xml", "rules/list"] {
        folder.add(name, "");
    }
    folder
}

#[test]
fn without_a_rules_section_the_shipped_ruleset_is_loaded_by_name() {
    let folder = Folder::new("<ossec_config/>");
    let config = folder.load().config.expect("no errors");
    assert_eq!(names(&config.analysis.rule_files, &folder), ["ruleset/rules/0010-a.xml", "ruleset/rules/0020-b.xml"]);
    assert_eq!(names(&config.analysis.decoder_files, &folder), ["ruleset/decoders/0010-a.xml"]);
}

#[test]
fn files_are_loaded_in_the_order_in_which_they_are_named() {
    let folder = folder(
        "<rules><include>b.xml</include><rule>etc/mine.xml</rule><rule_dir>rules</rule_dir><decoder_dir>ruleset/decoders</decoder_dir><list>rules/list</list></rules>",
    );
    let loaded = folder.load();
    let analysis = loaded.config.unwrap_or_else(|| panic!("{}", rendered(&loaded.diagnostics))).analysis;
    assert_eq!(names(&analysis.rule_files, &folder), ["rules/b.xml", "etc/mine.xml", "rules/a.xml"]);
    assert_eq!(names(&analysis.decoder_files, &folder), ["ruleset/decoders/0010-a.xml"]);
    assert_eq!(analysis.lists, [("rules/list".to_owned(), folder.path().join("rules/list"))]);
    assert_eq!(loaded.diagnostics, []);
}

#[test]
fn a_pattern_chooses_files_of_a_folder() {
    let folder = folder("<rules><rule_dir pattern=\"a.txt$\">rules</rule_dir></rules>");
    assert_eq!(names(&folder.load().config.expect("no errors").analysis.rule_files, &folder), ["rules/a.txt"]);
}

#[test]
fn several_rules_sections_add_up_and_are_warned_of() {
    let folder = folder("<rules><include>b.xml</include></rules><rules><include>a.xml</include></rules>");
    let loaded = folder.load();
    assert_eq!(codes(&loaded.diagnostics, Severity::Warning), ["C040"]);
    assert_eq!(names(&loaded.config.expect("no errors").analysis.rule_files, &folder), ["rules/b.xml", "rules/a.xml"]);
}

#[test]
fn missing_rule_files_point_to_the_shipped_ruleset_once() {
    let folder = folder("<rules><include>sshd_rules.xml</include><include>pam_rules.xml</include></rules>");
    let text = rendered(&folder.load().diagnostics);
    assert_eq!(text.matches("error[C041]").count(), 2, "{text}");
    assert_eq!(text.matches("<rule_dir>ruleset/rules</rule_dir>").count(), 1, "{text}");
}

#[test]
fn without_any_rules_there_is_nothing_to_run() {
    let folder = Folder::new("<ossec_config/>");
    std::fs::remove_dir_all(folder.path().join("ruleset")).expect("the ruleset");
    if !std::path::Path::new("/etc/hids/ruleset/rules").is_dir()
        && !std::path::Path::new("/usr/share/hids/ruleset/rules").is_dir()
    {
        assert_eq!(codes(&folder.load().diagnostics, Severity::Error), ["C043"]);
    }
}

#[test]
fn internal_options_are_read_and_the_local_file_wins() {
    let folder = Folder::new("<ossec_config/>");
    folder.add(
        "internal_options.conf",
        "# comment\nanalysisd.default_timeframe=600\nmaild.groupping=0\nremoted.debug=0\nmonitord.sign=1\n",
    );
    folder.add("local_internal_options.conf", "analysisd.default_timeframe=120\nmonitord.compress=0\n");
    let loaded = folder.load();
    assert_eq!(codes(&loaded.diagnostics, Severity::Note), ["C100"]);
    let config = loaded.config.expect("no errors");
    assert_eq!(config.analysis.default_timeframe.as_secs(), 120);
    assert!(!config.mail.grouping && !config.record.compress && config.record.checksums);
    assert_eq!(loaded.files.len(), 3);
}

// D5: what rules remember is read from OSSEC's internal options.
#[test]
fn internal_options_of_the_analysis_are_read() {
    let folder = Folder::new("<ossec_config/>");
    let analysis = folder.load().config.expect("no errors").analysis;
    assert_eq!((analysis.memory.events_of_rule, analysis.memory.fts_list_size), (128, 32));
    assert_eq!((analysis.memory.fts_shared_prefix, analysis.decoder_order_size, analysis.log_fw), (14, 256, true));
    folder.add(
        "internal_options.conf",
        "analysisd.sid_prev_matched_max=500\nanalysisd.fts_list_size=64\nanalysisd.fts_min_size_for_str=20\n\
         analysisd.decoder_order_size=64\nanalysisd.log_fw=0\n",
    );
    let loaded = folder.load();
    assert!(loaded.diagnostics.iter().all(|problem| problem.code != "C100"), "{:?}", loaded.diagnostics);
    let analysis = loaded.config.expect("no errors").analysis;
    assert_eq!((analysis.memory.events_of_rule, analysis.memory.fts_list_size), (500, 64));
    assert_eq!((analysis.memory.fts_shared_prefix, analysis.decoder_order_size, analysis.log_fw), (20, 64, false));
    folder.add("local_internal_options.conf", "analysisd.sid_prev_matched_max=0\nanalysisd.log_fw=2\n");
    assert_eq!(codes(&folder.load().diagnostics, Severity::Error), ["C100", "C100"]);
}

#[test]
fn wrong_internal_options_are_errors() {
    let folder = Folder::new("<ossec_config/>");
    folder.add("local_internal_options.conf", "maild.groupping=yes\nnonsense\n");
    assert_eq!(codes(&folder.load().diagnostics, Severity::Error), ["C100", "C100"]);
}
