//! What goes to standard error: errors, warnings and notes, as text or, with `--json`, as one object per line.
//!
//! The form is a choice of the whole program, as its colours are: whatever fails, however deep, reports alike.

use std::ffi::OsString;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use hids_core::diag::Diagnostic;
use hids_core::escape::plain_json;
use serde_json::{Value, json};

use super::exit::{CheckExit, Exit};
use super::output;

/// Whether messages are JSON.
static JSON: AtomicBool = AtomicBool::new(false);

/// Makes the form the choice of the whole program.
pub(super) fn choose(json: bool) {
    JSON.store(json, Ordering::Relaxed);
}

/// Reports the error that ends a command, and gives the exit status for it.
pub(super) fn error(error: &anyhow::Error) -> Exit {
    error_with(error, Exit::from_error(error))
}

/// The same for a command that has exit statuses of its own.
pub(super) fn error_with(error: &anyhow::Error, exit: Exit) -> Exit {
    let help = advice(error);
    if is_json() {
        print(&error_json(error, help, exit));
    } else {
        let help = help.map_or_else(String::new, |help| format!("\nhelp: {help}"));
        output::print_error(&format!("hidsctl: {error:#}{help}\n"));
    }
    exit
}

/// An error and what to do about it, on one line.
pub(super) fn sentence(error: &anyhow::Error) -> String {
    let help = advice(error).map_or_else(String::new, |help| format!("; {help}"));
    format!("{error:#}{help}").replace('\n', " ")
}

/// Reports that the answer is no, or that a part of it is; `help` says what to do.
pub(super) fn refusal(message: &str, help: Option<&str>) -> Exit {
    if is_json() {
        print(
            &json!({"severity": "error", "message": message, "causes": [], "help": help, "exit_status": Exit::No.code()}),
        );
    } else {
        output::print_error(&format!("hidsctl: {message}\n"));
        help.into_iter().for_each(|help| output::print_error(&format!("help: {help}\n")));
    }
    Exit::No
}

/// Reports what an administrator should know about the answer; no error.
pub(super) fn note(message: &str) {
    if is_json() {
        print(&json!({"severity": "note", "message": message}));
    } else {
        output::print_error(&format!("hidsctl: {message}\n"));
    }
}

/// Reports problems of the configuration and of rules.
pub(super) fn diagnostics<'a>(diagnostics: impl IntoIterator<Item = &'a Diagnostic>) {
    for diagnostic in diagnostics {
        if is_json() {
            print(&diagnostic_json(diagnostic));
        } else {
            output::print_error(&diagnostic.render());
        }
    }
}

/// A problem with its place.
pub(super) fn diagnostic_json(diagnostic: &Diagnostic) -> Value {
    let place = diagnostic.span.as_ref().map(|span| (span.file.name.as_str(), span.file.line_column(span.start)));
    json!({
        "severity": diagnostic.severity.as_str(),
        "code": diagnostic.code,
        "message": diagnostic.message,
        "file": place.map(|(file, _)| file),
        "line": place.map(|(_, (line, _))| line),
        "column": place.map(|(_, (_, column))| column),
        "help": diagnostic.help,
    })
}

/// Ends the program as clap would, but reports a usage error as JSON if `args` ask for that.
pub(super) fn usage(error: &clap::Error, args: &[OsString]) -> Exit {
    // In the numbers of `fim check`, 2 means that files were removed.
    let is_check = args.windows(2).any(|words| words[0] == "fim" && words[1] == "check");
    let exit = match (error.use_stderr(), is_check) {
        (false, _) => Exit::Success,
        (true, true) => Exit::Check(CheckExit::Usage),
        (true, false) => Exit::Usage,
    };
    if exit == Exit::Success || !args.iter().any(|arg| arg == "--json") {
        // A terminal that is gone changes nothing.
        let _ = error.print();
        return exit;
    }
    let text = error.render().to_string();
    let message = text.trim_start_matches("error: ").trim_end();
    print(&json!({"severity": "error", "message": message, "causes": [], "help": null, "exit_status": exit.code()}));
    exit
}

fn is_json() -> bool {
    JSON.load(Ordering::Relaxed)
}

fn error_json(error: &anyhow::Error, help: Option<&str>, exit: Exit) -> Value {
    let causes: Vec<String> = error.chain().skip(1).map(ToString::to_string).collect();
    json!({
        "severity": "error",
        "message": error.to_string(),
        "causes": causes,
        "help": help,
        "exit_status": exit.code(),
    })
}

fn print(value: &Value) {
    output::print_error(&format!("{}\n", plain_json(&value.to_string())));
}

/// What to do about an error that only permissions cause.
fn advice(error: &anyhow::Error) -> Option<&'static str> {
    let is_denied = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    };
    error.chain().any(is_denied).then_some("run it as root (sudo hidsctl ...)")
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn an_error_names_its_causes_and_what_to_do() {
        let denied: Result<(), io::Error> = Err(io::ErrorKind::PermissionDenied.into());
        let error = denied.context("cannot read /var/log/hids/alerts").expect_err("an error");
        let json = error_json(&error, advice(&error), Exit::from_error(&error));
        assert_eq!(json["message"], "cannot read /var/log/hids/alerts");
        assert_eq!(json["causes"], json!(["permission denied"]));
        assert_eq!(json["help"], "run it as root (sudo hidsctl ...)");
        assert_eq!(json["exit_status"], 4);
    }
}
