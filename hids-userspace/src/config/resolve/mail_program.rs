//! `<smtp_server>` that is a program: its path and arguments.
//!
//! OSSEC gives the text to a shell. Here it is split into words as a shell splits it and whatever
//! only a shell could carry out is an error: no text of the configuration ever reaches one.

use std::path::{Path, PathBuf};

use super::Context;
use crate::config::MailProgram;
use crate::config::known::SectionKind::Global;
use crate::config::value::value_span;

/// Programs that want `-t` to take the recipients from the headers, and `-i` not to end at a dot.
/// OSSEC runs what is configured as it is; sendmail then has nobody to send to.
const SENDMAIL_LIKE: [&str; 7] = ["sendmail", "sendmail.postfix", "ssmtp", "esmtp", "msmtp", "exim", "exim4"];

pub(super) fn resolve(context: &mut Context<'_>, text: &str, enabled: bool) -> MailProgram {
    let span = context.word(Global, "smtp_server").map(value_span);
    // A path that has blanks in it.
    let whole = Path::new(text).is_file();
    let words = if whole { Ok(vec![text.to_owned()]) } else { split(text) };
    let mut words = words
        .unwrap_or_else(|problem| {
            if let Some(span) = &span {
                let message = format!("`<smtp_server>` contains {problem}; the program is run without a shell");
                let help = "specify only the program and its arguments, quote arguments that contain spaces, or use \
                            a script";
                context.problems.error("C104", span, message, help);
            }
            vec![text.split(' ').next().unwrap_or(text).to_owned()]
        })
        .into_iter();
    let path = PathBuf::from(words.next().unwrap_or_default());
    let mut arguments: Vec<String> = words.collect();
    if enabled
        && !path.is_file()
        && let Some(span) = &span
    {
        let message = format!("the mail program {} does not exist, so no mail can be sent", path.display());
        context.problems.error("C018", span, message, "install it, or specify a mail server");
    }
    if path.file_name().and_then(|name| name.to_str()).is_some_and(|name| SENDMAIL_LIKE.contains(&name)) {
        if arguments.is_empty() {
            arguments = ["-t", "-i"].map(str::to_owned).into();
        } else if !arguments.iter().any(|argument| takes_recipients(argument))
            && let Some(span) = &span
        {
            let message = "without `-t` the mail program ignores the recipients in the mail and sends only to the \
                           addresses in its arguments";
            context.problems.warning("C105", span, message, "add -t, or remove all arguments to use `-t -i`");
        }
    }
    MailProgram { path, arguments }
}

fn takes_recipients(argument: &str) -> bool {
    ["-t", "-ti", "-it", "-oit", "--read-recipients"].contains(&argument)
}

/// The words of `text`; quotes hold a word together. The error names what only a shell understands.
fn split(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for char in text.chars() {
        match (quote, char) {
            (Some(open), _) if char == open => quote = None,
            (Some('"'), '$' | '`' | '\\' | '!') => return Err(format!("`{char}` in double quotes")),
            (None, '\'' | '"') => {
                quote = Some(char);
                word.get_or_insert_default();
            }
            (None, ' ' | '\t') => words.extend(word.take()),
            (_, char) if char.is_control() => return Err("a line break or another control character".into()),
            (None, '|' | '&' | ';' | '<' | '>' | '(' | ')' | '$' | '`' | '\\' | '*' | '?' | '[' | '~' | '#' | '!') => {
                return Err(format!("`{char}`"));
            }
            (_, char) => word.get_or_insert_default().push(char),
        }
    }
    if quote.is_some() {
        return Err("an unclosed quote".into());
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    // C11
    #[test]
    fn words_are_split_as_a_shell_does_and_the_rest_of_a_shell_is_refused() {
        let good = [
            ("/usr/sbin/sendmail -t -i", &["/usr/sbin/sendmail", "-t", "-i"][..]),
            ("/usr/bin/msmtp  -t\t-a default", &["/usr/bin/msmtp", "-t", "-a", "default"]),
            ("/bin/m -F 'OSSEC $HOST'", &["/bin/m", "-F", "OSSEC $HOST"]),
            ("/bin/m \"a b\"c '' x=y", &["/bin/m", "a bc", "", "x=y"]),
        ];
        for (text, words) in good {
            assert_eq!(split(text).as_deref(), Ok(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>()[..]));
        }
        for shell in
            ["-t; id", "-t | tee /x", "$(id)", "`id`", ">x", "-t &", "\"$x\"", "'a", "a\nb", "*.x", "~/x", "\\x"]
        {
            assert!(split(&format!("/bin/m {shell}")).is_err(), "{shell}");
        }
    }
}
