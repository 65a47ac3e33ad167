//! Splits a command line into programs and words, without a shell.
//!
//! OSSEC gives the line to `/bin/sh`. Here only what can be done without one is accepted: words,
//! quotes, `|` between programs, and `2>&1`, `>/dev/null`, `2>/dev/null`. Everything else is refused
//! with the place and what to do, rather than guessed.

/// Programs connected by pipes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pipeline {
    /// At least one.
    pub stages: Vec<Stage>,
}

/// One program of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stage {
    /// Name or path.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Where its standard output goes.
    pub output: Stream,
    /// Where its standard error goes.
    pub errors: Stream,
}

/// Where a stream goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// To the next program, or into the events.
    Kept,
    /// Nowhere.
    Discarded,
}

/// The line cannot be run without a shell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CommandLineError {
    /// There is nothing in it.
    #[error("the command is empty")]
    Empty,
    /// Nothing stands before or after a `|`.
    #[error("missing program next to '|'")]
    EmptyStage,
    /// A quote is not closed.
    #[error("unclosed quote {quote} at byte {at}")]
    OpenQuote {
        /// Which.
        quote: char,
        /// Where, in bytes.
        at: usize,
    },
    /// The line ends with a backslash.
    #[error("trailing backslash in the command")]
    OpenEscape,
    /// Shell syntax that is not carried out.
    #[error(
        "'{text}' at byte {at} requires a shell ({what}), which is never started: quote it if it is literal, \
         otherwise use a script"
    )]
    ShellSyntax {
        /// The characters.
        text: String,
        /// What they mean to a shell.
        what: &'static str,
        /// Where, in bytes.
        at: usize,
    },
    /// A file in a redirection.
    #[error("output can only be redirected to /dev/null, not to '{target}'")]
    Redirection {
        /// What stands after `>` or `<`.
        target: String,
    },
}

/// Splits `line`.
pub(crate) fn parse(line: &str) -> Result<Pipeline, CommandLineError> {
    let mut stages = Vec::new();
    let mut stage = StageBuilder::default();
    let mut scanner = Scanner { text: line, at: 0 };
    loop {
        scanner.skip_blanks();
        let Some(next) = scanner.peek() else { break };
        match next {
            '|' => {
                scanner.refuse_double('|', "conditional execution")?;
                scanner.at += 1;
                stages.push(std::mem::take(&mut stage).finish(CommandLineError::EmptyStage)?);
            }
            _ if scanner.redirection(&mut stage)? => {}
            _ => {
                let at = scanner.at;
                let (word, quoted) = scanner.word()?;
                stage.add(word, quoted, at)?;
            }
        }
    }
    let missing = if stages.is_empty() { CommandLineError::Empty } else { CommandLineError::EmptyStage };
    stages.push(stage.finish(missing)?);
    Ok(Pipeline { stages })
}

#[derive(Debug)]
struct StageBuilder {
    words: Vec<String>,
    output: Stream,
    errors: Stream,
}

impl Default for StageBuilder {
    fn default() -> Self {
        Self { words: Vec::new(), output: Stream::Kept, errors: Stream::Discarded }
    }
}

/// Words that begin a construct of the shell, and built-ins that no program replaces.
const SHELL_WORDS: [&str; 20] = [
    "!", ".", ":", "[[", "case", "cd", "do", "eval", "exec", "export", "for", "function", "if", "select", "set",
    "source", "then", "ulimit", "until", "while",
];

impl StageBuilder {
    fn add(&mut self, word: String, quoted: bool, at: usize) -> Result<(), CommandLineError> {
        if self.words.is_empty() && !quoted {
            if SHELL_WORDS.contains(&word.as_str()) {
                return Err(CommandLineError::ShellSyntax { text: word, what: "shell keyword", at });
            }
            let name = word.split_once('=').map(|(name, _)| name);
            if name.is_some_and(|name| {
                !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            }) {
                return Err(CommandLineError::ShellSyntax { text: word, what: "variable assignment", at });
            }
        }
        self.words.push(word);
        Ok(())
    }

    fn finish(self, missing: CommandLineError) -> Result<Stage, CommandLineError> {
        let mut words = self.words.into_iter();
        let program = words.next().filter(|program| !program.is_empty()).ok_or(missing)?;
        Ok(Stage { program, arguments: words.collect(), output: self.output, errors: self.errors })
    }
}

#[derive(Debug)]
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl Scanner<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t')) {
            self.at += 1;
        }
    }

    fn refuse_double(&self, mark: char, what: &'static str) -> Result<(), CommandLineError> {
        let double: String = [mark, mark].iter().collect();
        if self.rest().starts_with(&double) {
            return Err(CommandLineError::ShellSyntax { text: double, what, at: self.at });
        }
        Ok(())
    }

    /// Takes `>/dev/null`, `2>&1` and the like; returns whether there was one.
    fn redirection(&mut self, stage: &mut StageBuilder) -> Result<bool, CommandLineError> {
        let forms = [("2>&1", 4), ("1>&2", 4), (">&2", 3)];
        for (form, length) in forms {
            let ends = self
                .rest()
                .strip_prefix(form)
                .is_some_and(|rest| rest.chars().next().is_none_or(|next| " \t|".contains(next)));
            if ends {
                self.at += length;
                if form == "2>&1" {
                    stage.errors = stage.output;
                } else {
                    stage.output = stage.errors;
                }
                return Ok(true);
            }
        }
        let forms = [("2>>", 3), ("1>>", 3), (">>", 2), ("2>", 2), ("1>", 2), (">", 1), ("<", 1)];
        let Some((form, length)) = forms.into_iter().find(|(form, _)| self.rest().starts_with(form)) else {
            return Ok(false);
        };
        self.at += length;
        self.skip_blanks();
        let start = self.at;
        while self.peek().is_some_and(|next| !" \t|".contains(next)) {
            self.take();
        }
        let target = &self.text[start..self.at];
        if target != "/dev/null" {
            return Err(CommandLineError::Redirection { target: target.to_owned() });
        }
        match form {
            "2>" | "2>>" => stage.errors = Stream::Discarded,
            // There is never any input.
            "<" => {}
            _ => stage.output = Stream::Discarded,
        }
        Ok(true)
    }

    /// Takes a word; returns also whether any of it was quoted.
    fn word(&mut self) -> Result<(String, bool), CommandLineError> {
        let mut word = String::new();
        let mut quoted = false;
        let start = self.at;
        while let Some(next) = self.peek() {
            let at = self.at;
            match next {
                ' ' | '\t' | '|' => break,
                '\'' => {
                    quoted = true;
                    self.single_quoted(&mut word)?;
                }
                '"' => {
                    quoted = true;
                    self.double_quoted(&mut word)?;
                }
                '\\' => {
                    self.at += 1;
                    quoted = true;
                    word.push(self.take().ok_or(CommandLineError::OpenEscape)?);
                }
                _ => {
                    if let Some(what) = meaning(next, at == start) {
                        return Err(CommandLineError::ShellSyntax { text: next.to_string(), what, at });
                    }
                    self.take();
                    word.push(next);
                }
            }
        }
        Ok((word, quoted))
    }

    fn single_quoted(&mut self, word: &mut String) -> Result<(), CommandLineError> {
        let at = self.at;
        self.at += 1;
        let end = self.rest().find('\'').ok_or(CommandLineError::OpenQuote { quote: '\'', at })?;
        word.push_str(&self.text[self.at..self.at + end]);
        self.at += end + 1;
        Ok(())
    }

    fn double_quoted(&mut self, word: &mut String) -> Result<(), CommandLineError> {
        let start = self.at;
        self.at += 1;
        loop {
            let at = self.at;
            match self.take() {
                None => return Err(CommandLineError::OpenQuote { quote: '"', at: start }),
                Some('"') => return Ok(()),
                Some('\\') => match self.take() {
                    None => return Err(CommandLineError::OpenQuote { quote: '"', at: start }),
                    Some(escaped @ ('"' | '\\' | '$' | '`')) => word.push(escaped),
                    Some(other) => word.extend(['\\', other]),
                },
                Some(mark @ ('$' | '`')) => {
                    let what = if mark == '$' { "variable or command substitution" } else { "command substitution" };
                    return Err(CommandLineError::ShellSyntax { text: mark.to_string(), what, at });
                }
                Some(other) => word.push(other),
            }
        }
    }
}

/// What an unquoted character means to a shell.
fn meaning(mark: char, at_start: bool) -> Option<&'static str> {
    Some(match mark {
        ';' => "command list",
        '&' => "background job or command list",
        '$' => "variable or command substitution",
        '`' => "command substitution",
        '*' | '?' | '[' => "file name expansion",
        '(' | ')' => "subshell",
        '{' | '}' => "command group or brace expansion",
        '<' | '>' => "a redirection",
        '\n' | '\r' => "command list",
        '~' if at_start => "tilde expansion",
        '#' if at_start => "a comment",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(line: &str) -> Vec<Vec<String>> {
        let pipeline = parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        pipeline.stages.into_iter().map(|stage| [vec![stage.program], stage.arguments].concat()).collect()
    }

    #[test]
    fn words_are_split_at_blanks() {
        assert_eq!(words(" last  -n\t5 "), [["last", "-n", "5"]]);
    }

    #[test]
    fn the_stock_pipeline_is_understood() {
        let stages = words("netstat -tan |grep LISTEN |egrep -v '(127.0.0.1| ::1)' | sort");
        assert_eq!(stages.len(), 4);
        assert_eq!(stages[2], ["egrep", "-v", "(127.0.0.1| ::1)"]);
    }

    #[test]
    fn quotes_and_backslashes_protect() {
        assert_eq!(
            words(r#"a 'b  $c' "d \" \$ \n" e\ f g"h"'i' ''"#),
            [["a", "b  $c", "d \" $ \\n", "e f", "ghi", ""]]
        );
    }

    #[test]
    fn redirections_follow_each_other_as_in_a_shell() {
        let streams = |line| {
            let stage = parse(line).expect("accepted").stages.remove(0);
            (stage.output, stage.errors)
        };
        use Stream::{Discarded, Kept};
        assert_eq!(streams("a"), (Kept, Discarded));
        assert_eq!(streams("a 2>&1"), (Kept, Kept));
        assert_eq!(streams("a 2>/dev/null"), (Kept, Discarded));
        assert_eq!(streams("a > /dev/null 2>&1"), (Discarded, Discarded));
        assert_eq!(streams("a 2>&1 >/dev/null"), (Discarded, Kept));
        assert_eq!(streams("a </dev/null"), (Kept, Discarded));
    }

    #[test]
    fn shell_syntax_is_refused_with_its_place() {
        for (line, text, at) in [
            ("a; b", ";", 1),
            ("a && b", "&", 2),
            ("a || b", "||", 2),
            ("a &", "&", 2),
            ("a $(b)", "$", 2),
            ("a `b`", "`", 2),
            ("a \"$b\"", "$", 3),
            ("ls *.log", "*", 3),
            ("LANG=C ls", "LANG=C", 0),
            ("for i in a", "for", 0),
            ("(a)", "(", 0),
            ("cat ~/x", "~", 4),
            ("a\nb", "\n", 1),
        ] {
            let Err(CommandLineError::ShellSyntax { text: found, at: place, .. }) = parse(line) else {
                panic!("{line} accepted")
            };
            assert_eq!((found.as_str(), place), (text, at), "{line}");
        }
    }

    #[test]
    fn other_mistakes_are_named() {
        assert_eq!(parse("  "), Err(CommandLineError::Empty));
        assert_eq!(parse("a |"), Err(CommandLineError::EmptyStage));
        assert_eq!(parse("| a"), Err(CommandLineError::EmptyStage));
        assert_eq!(parse("a 'b"), Err(CommandLineError::OpenQuote { quote: '\'', at: 2 }));
        assert_eq!(parse("a \\"), Err(CommandLineError::OpenEscape));
        assert_eq!(parse("a > /tmp/x"), Err(CommandLineError::Redirection { target: "/tmp/x".into() }));
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_without_panic(line in ".*") {
            let _ = parse(&line);
        }

        #[test]
        fn quoted_words_come_out_as_they_went_in(wanted in prop::collection::vec("[^'\\x00]*", 1..5)) {
            let line: Vec<String> = wanted.iter().map(|word| format!("'{word}'")).collect();
            prop_assert_eq!(words(&format!("p {}", line.join(" ")))[0][1..].to_vec(), wanted);
        }
    }
}
