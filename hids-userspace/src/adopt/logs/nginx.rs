//! nginx: `access_log` and `error_log` of its whole configuration.

use super::Logs;
use super::web::{Budget, is_json};
use crate::adopt::system::System;

const MAIN: [&str; 2] = ["/etc/nginx/nginx.conf", "/usr/local/nginx/conf/nginx.conf"];

pub(super) fn find(system: &System, logs: &mut Logs) {
    for main in MAIN.into_iter().filter(|main| system.has_file(main)) {
        let folder = main.rsplit_once('/').map_or("/", |(folder, _)| folder);
        let mut reader = Reader { system, logs, budget: Budget::default(), folder, json_formats: Vec::new() };
        reader.read_file(main, 0);
    }
}

struct Reader<'a> {
    system: &'a System,
    logs: &'a mut Logs,
    budget: Budget,
    /// Where relative names of included files are.
    folder: &'a str,
    json_formats: Vec<String>,
}

impl Reader<'_> {
    fn read_file(&mut self, path: &str, depth: usize) {
        if !self.budget.takes_file(depth) {
            return;
        }
        let Some(text) = self.system.read_text(path) else { return };
        for (words, line) in directives(&text) {
            self.directive(&words, format!("{path}:{line}"), depth);
        }
    }

    fn directive(&mut self, words: &[String], place: String, depth: usize) {
        let [name, first, rest @ ..] = words else { return };
        match name.as_str() {
            "include" => {
                let pattern = if first.starts_with('/') { first.clone() } else { format!("{}/{first}", self.folder) };
                for found in self.system.glob(&pattern) {
                    self.read_file(&found, depth + 1);
                }
            }
            "log_format" if rest.iter().any(|word| word == "escape=json" || is_json(word)) => {
                self.json_formats.push(first.clone());
            }
            "access_log" | "error_log" if first != "off" && first != "stderr" && !first.starts_with("memory:") => {
                let json =
                    name == "access_log" && rest.first().is_some_and(|format| self.json_formats.contains(format));
                self.budget.add(self.system, self.logs, first, place, json);
            }
            _ => {}
        }
    }
}

/// Each directive with the line on which it begins; the braces of blocks only end directives.
fn directives(text: &str) -> Vec<(Vec<String>, usize)> {
    let mut found = Vec::new();
    let (mut words, mut word, mut begun) = (Vec::new(), String::new(), 1);
    let mut line = 1;
    let mut chars = text.chars().peekable();
    let mut quote = None;
    let mut is_quoted = false;
    while let Some(char) = chars.next() {
        line += usize::from(char == '\n');
        match (quote, char) {
            (_, '\\') => word.extend(chars.next().inspect(|next| line += usize::from(*next == '\n'))),
            (Some(open), _) if char == open => quote = None,
            (Some(_), _) => word.push(char),
            (None, '"' | '\'') if word.is_empty() => (quote, is_quoted) = (Some(char), true),
            (None, '#') if word.is_empty() && !is_quoted => while chars.next_if(|next| *next != '\n').is_some() {},
            (None, ';' | '{' | '}') if !is_of_variable(&word, char) => {
                if !word.is_empty() || is_quoted {
                    words.push(std::mem::take(&mut word));
                }
                is_quoted = false;
                if !words.is_empty() {
                    found.push((std::mem::take(&mut words), begun));
                }
            }
            (None, _) if char.is_whitespace() => {
                if !word.is_empty() || is_quoted {
                    words.push(std::mem::take(&mut word));
                }
                is_quoted = false;
            }
            (None, _) => {
                if words.is_empty() && word.is_empty() {
                    begun = line;
                }
                word.push(char);
            }
        }
    }
    found
}

/// Whether a brace belongs to a variable: `${host}`.
fn is_of_variable(word: &str, brace: char) -> bool {
    match brace {
        '{' => word.ends_with('$'),
        '}' => word.rfind("${") > word.rfind('}'),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    fn found(files: &[(&str, &str)]) -> Logs {
        let root = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().expect("a directory")).expect("directories");
            fs::write(path, text).expect("a file");
        }
        let mut logs = Logs::default();
        find(&System::new(root.path()).expect("a system"), &mut logs);
        logs
    }

    #[test]
    fn logs_are_found_through_includes_and_json_is_named() {
        let main = "error_log /srv/log/error.log warn; # access_log /no;\nhttp {\n  log_format main '$remote_addr - '\n \
                    '\"$request\"';\n  log_format j escape=json '{\"a\":\"$uri\"}';\n  access_log /srv/log/j.log j;\n  \
                    access_log off;\n  include sites/*.conf; include nginx.conf;\n}\n";
        let site = "server { access_log \"/srv/log/shop.log\" main; access_log /srv/log/${host}.log; access_log \
                    syslog:server=127.0.0.1; error_log logs/error.log; }";
        let logs = found(&[("etc/nginx/nginx.conf", main), ("etc/nginx/sites/a.conf", site)]);
        let paths: Vec<(&str, &str)> =
            logs.usable.iter().map(|log| (log.path.as_str(), log.found_in.as_str())).collect();
        let expected =
            [("/srv/log/error.log", "/etc/nginx/nginx.conf:1"), ("/srv/log/shop.log", "/etc/nginx/sites/a.conf:1")];
        assert_eq!(paths, expected);
        let refused: Vec<&str> = logs.unusable.iter().map(|log| log.what.as_str()).collect();
        assert_eq!(refused, ["/srv/log/j.log", "/srv/log/${host}.log", "syslog:server=127.0.0.1", "logs/error.log"]);
    }

    proptest! {
        #[test]
        fn any_configuration_is_read_without_panic(text in "[a-z_${}\"'\\\\ /#;\n]{0,200}") {
            found(&[("etc/nginx/nginx.conf", &text)]);
            directives(&text);
        }
    }
}
