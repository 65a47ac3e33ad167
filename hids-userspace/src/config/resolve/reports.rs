//! `<reports>`.

use super::Context;
use super::mail_address::address;
use crate::config::ReportConfig;
use crate::config::known::SectionKind::Reports;
use crate::config::raw::RawSection;
use crate::config::value::Problems;

const FILTERS: [&str; 7] = ["category", "group", "rule", "level", "location", "srcip", "user"];

pub(super) fn resolve(context: &mut Context<'_>) -> Vec<ReportConfig> {
    let raw = context.raw;
    raw.of(Reports).map(|section| one(section, context.problems)).collect()
}

fn one(section: &RawSection, problems: &mut Problems) -> ReportConfig {
    let mut titles = section.all("title");
    let title = titles.next().map(|element| element.text.value.clone()).filter(|title| !title.is_empty());
    for extra in titles {
        problems.warning(
            "C020",
            &extra.name.span,
            "a report can only have one `<title>`; the first is used",
            "remove this one",
        );
    }
    let mut report = ReportConfig {
        title: title.unwrap_or_else(|| "OSSEC Report (unnamed)".to_owned()),
        to: section.all("email_to").filter_map(|element| address(element, problems)).collect(),
        show_logs: section
            .last("showlogs")
            .is_some_and(|element| element.text.value.trim().eq_ignore_ascii_case("yes")),
        ..ReportConfig::default()
    };
    for (spec, element) in section.options().filter(|(spec, _)| FILTERS.contains(&spec.name)) {
        let entry = (spec.name.to_owned(), element.text.value.clone());
        match element.attribute("type") {
            None => report.filters.push(entry),
            Some(kind) if kind.value.value == "relation" => report.relations.push(entry),
            Some(kind) => {
                let message = format!("attribute `type` must be \"relation\", found \"{}\"", kind.value.value);
                problems.error(
                    "C013",
                    &kind.value.span,
                    message,
                    "use type=\"relation\" for a table, or remove it for a filter",
                );
            }
        }
    }
    if report.to.is_empty() {
        let message = "this report has no `<email_to>` and would not be sent";
        problems.warning("C098", section.name_span(), message, "specify the recipient");
    }
    report
}
