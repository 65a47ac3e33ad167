//! Writes a case as the XML that the engine reads.

use std::fmt::Write as _;

use crate::model::{Condition, Decoder, Dialect, Earlier, KINDS, Offset, Pattern, Rule};

/// A decoder file.
pub(crate) fn decoders(decoders: &[Decoder]) -> String {
    decoders.iter().map(decoder).collect()
}

fn decoder(decoder: &Decoder) -> String {
    let mut text = format!("<decoder name=\"{}\">\n", decoder.name);
    let mut element = |line: String| writeln!(text, "  {line}").expect("a string takes text");
    if let Some(parent) = &decoder.parent {
        element(format!("<parent>{parent}</parent>"));
    }
    if decoder.kind != "syslog" {
        element(format!("<type>{}</type>", decoder.kind));
    }
    if let Some(pattern) = &decoder.program_name {
        element(tagged(suffixed("program_name", pattern), "", &pattern.text));
    }
    if let Some((pattern, offset)) = &decoder.prematch {
        element(tagged(suffixed("prematch", pattern), &offset_attribute(*offset), &pattern.text));
    }
    if let Some((pattern, offset)) = &decoder.regex {
        let name = if pattern.dialect == Dialect::Pcre2 { "pcre2" } else { "regex" };
        element(tagged(name.into(), &offset_attribute(*offset), &pattern.text));
        element(format!("<order>{}</order>", decoder.order.join(", ")));
    }
    if decoder.use_own_name {
        element("<use_own_name>true</use_own_name>".into());
    }
    text + "</decoder>\n"
}

fn offset_attribute(offset: Offset) -> String {
    match offset {
        Offset::Start => String::new(),
        Offset::AfterParent => " offset=\"after_parent\"".into(),
        Offset::AfterPrematch => " offset=\"after_prematch\"".into(),
        Offset::AfterRegex => " offset=\"after_regex\"".into(),
    }
}

fn suffixed(name: &str, pattern: &Pattern) -> String {
    if pattern.dialect == Dialect::Pcre2 { format!("{name}_pcre2") } else { name.into() }
}

fn tagged(name: String, attributes: &str, text: &str) -> String {
    format!("<{name}{attributes}>{text}</{name}>")
}

/// OSSEC's roots.
pub(crate) fn roots() -> String {
    let root = |(index, kind): (usize, &&str)| {
        format!(
            "<group name=\"{kind},\"><rule id=\"{}\" level=\"0\" noalert=\"1\"><category>{kind}</category>\
             <description>{kind}</description></rule></group>\n",
            index + 1
        )
    };
    KINDS.iter().enumerate().map(root).collect()
}

/// A rule file.
pub(crate) fn rules(rules: &[Rule]) -> String {
    rules.iter().map(rule).collect()
}

fn rule(rule: &Rule) -> String {
    let mut text = format!("<group name=\"{}\"><rule id=\"{}\" level=\"{}\"", rule.group, rule.id, rule.level);
    let mut attribute = |is_there: bool, name: &str, value: String| {
        if is_there {
            write!(text, " {name}=\"{value}\"").expect("a string takes text");
        }
    };
    attribute(rule.maxsize > 0, "maxsize", rule.maxsize.to_string());
    attribute(rule.frequency > 0, "frequency", rule.frequency.to_string());
    attribute(rule.timeframe.is_some(), "timeframe", rule.timeframe.unwrap_or_default().to_string());
    attribute(rule.ignore > 0, "ignore", rule.ignore.to_string());
    attribute(rule.is_inaccurate, "accuracy", "0".into());
    attribute(rule.noalert, "noalert", "1".into());
    attribute(rule.overwrite, "overwrite", "yes".into());
    text += ">\n";
    for line in elements(rule) {
        writeln!(text, "  {line}").expect("a string takes text");
    }
    text + "</rule></group>\n"
}

fn elements(rule: &Rule) -> Vec<String> {
    let mut lines = vec![format!("<description>rule {}</description>", rule.id)];
    lines.extend(rule.category.map(|category| format!("<category>{category}</category>")));
    if !rule.if_sid.is_empty() {
        let ids: Vec<String> = rule.if_sid.iter().map(u32::to_string).collect();
        lines.push(format!("<if_sid>{}</if_sid>", ids.join(", ")));
    }
    lines.extend(rule.if_group.as_ref().map(|group| format!("<if_group>{group}</if_group>")));
    lines.extend(rule.if_level.map(|level| format!("<if_level>{level}</if_level>")));
    lines.extend(rule.earlier.as_ref().map(|earlier| match earlier {
        Earlier::Sid(id) => format!("<if_matched_sid>{id}</if_matched_sid>"),
        Earlier::Group(group) => format!("<if_matched_group>{group}</if_matched_group>"),
        Earlier::Regex(pattern) => format!("<if_matched_regex>{}</if_matched_regex>", pattern.text),
    }));
    lines.extend(rule.same.iter().map(|name| format!("<{name} />")));
    for condition in &rule.conditions {
        match condition {
            Condition::DecodedAs(name) => lines.push(format!("<decoded_as>{name}</decoded_as>")),
            Condition::Pattern(name, pattern) if *name == "regex" && pattern.dialect == Dialect::Pcre2 => {
                lines.push(format!("<pcre2>{}</pcre2>", pattern.text));
            }
            Condition::Pattern(name, pattern) => lines.push(tagged(suffixed(name, pattern), "", &pattern.text)),
            Condition::Action(text) => lines.push(format!("<action>{text}</action>")),
            Condition::Address(name, list) => {
                lines.extend(list.iter().map(|entry| format!("<{name}>{entry}</{name}>")));
            }
            Condition::Dynamic(name, pattern) => {
                lines.push(format!("<field name=\"{name}\">{}</field>", pattern.text));
            }
        }
    }
    lines.extend(rule.options.iter().map(|option| format!("<options>{option}</options>")));
    lines
}
