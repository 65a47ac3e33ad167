//! `hidsctl explain`: what the code of a diagnostic means.

use clap::Args;
use hids_core::diag::codes::{self, Code};
use serde_json::{Value, json};

use super::exit::Exit;
use super::{Common, complete, messages, output, table};

/// Options of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The code, such as C014; without one all are listed
    #[arg(value_name = "CODE", add = complete::codes())]
    code: Option<String>,
    /// Print the page docs/diagnostics.md, which explains all codes
    #[arg(long, conflicts_with = "code")]
    markdown: bool,
}

/// Prints one code, or all; 1 when there is no such code.
pub(super) fn run(common: &Common, args: &ExplainArgs) -> anyhow::Result<Exit> {
    if args.markdown {
        output::print(&codes::page())?;
        return Ok(Exit::Success);
    }
    let Some(name) = &args.code else {
        list(common)?;
        return Ok(Exit::Success);
    };
    let Some(code) = codes::find(name) else {
        let message = format!("there is no code \"{}\"", output::visible(name.as_bytes()));
        return Ok(messages::refusal(&message, Some("`hidsctl explain` lists all codes")));
    };
    if common.json {
        output::print_json(&to_json(code))?;
    } else {
        output::print(&to_text(code))?;
    }
    Ok(Exit::Success)
}

fn list(common: &Common) -> anyhow::Result<()> {
    if common.json {
        return output::print_json(&codes::all().map(to_json).collect());
    }
    let rows: Vec<_> =
        codes::all().map(|code| vec![code.name.to_owned(), code.severity_text(), code.summary.to_owned()]).collect();
    output::print(&table::table(&["CODE", "SEVERITY", "MEANING"], &rows))
}

fn to_text(code: &Code) -> String {
    format!("{} ({}): {}\n\n{}\n", code.name, code.severity_text(), code.summary, wrapped(code.explanation))
}

fn to_json(code: &Code) -> Value {
    json!({
        "code": code.name,
        "severities": code.severities.iter().map(|severity| severity.as_str()).collect::<Vec<_>>(),
        "summary": code.summary,
        "explanation": code.explanation,
    })
}

/// Lines that fit on a terminal.
fn wrapped(text: &str) -> String {
    const WIDTH: usize = 78;
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_docs_is_what_explain_prints() {
        let page = include_str!("../../../docs/diagnostics.md");
        assert!(page == codes::page(), "make it anew: hidsctl explain --markdown > docs/diagnostics.md");
    }

    #[test]
    fn a_code_is_explained_in_lines_that_fit() {
        let code = codes::find("c002").expect("a code");
        let text = to_text(code);
        assert!(text.starts_with("C002 (error): ") && text.lines().all(|line| line.chars().count() <= 100), "{text}");
        assert_eq!(wrapped(code.explanation).replace('\n', " "), code.explanation);
    }
}
