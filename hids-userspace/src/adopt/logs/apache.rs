//! Apache: `CustomLog`, `TransferLog`, `GlobalLog` and `ErrorLog` of its whole configuration.

use std::collections::HashMap;

use super::Logs;
use super::web::{Budget, is_json};
use crate::adopt::system::System;

/// Main files: of Debian and SUSE, of RHEL and Fedora, of a build from source.
const MAIN: [&str; 4] = [
    "/etc/apache2/apache2.conf",
    "/etc/apache2/httpd.conf",
    "/etc/httpd/conf/httpd.conf",
    "/usr/local/apache2/conf/httpd.conf",
];
/// Variables of Debian's start script.
const VARIABLES: &str = "/etc/apache2/envvars";

pub(super) fn find(system: &System, logs: &mut Logs) {
    for main in MAIN.into_iter().filter(|main| system.has_file(main)) {
        let mut reader = Reader {
            system,
            logs,
            budget: Budget::default(),
            server_root: usual_root(main).to_owned(),
            variables: variables(&system.read_text(VARIABLES).unwrap_or_default()),
            json_formats: Vec::new(),
        };
        reader.read_file(main, 0);
    }
}

fn usual_root(main: &str) -> &str {
    main.rsplit_once('/').map_or("/", |(directory, _)| directory.strip_suffix("/conf").unwrap_or(directory))
}

/// `export NAME=value` lines; `$SUFFIX` of further instances is empty for the first one.
fn variables(text: &str) -> HashMap<String, String> {
    let mut found = HashMap::from([("APACHE_LOG_DIR".to_owned(), "/var/log/apache2".to_owned())]);
    for line in text.lines() {
        let line = line.trim().strip_prefix("export ").unwrap_or(line.trim());
        let Some((name, value)) = line.split_once('=') else { continue };
        let value = value.trim_matches(['"', '\'']).replace("${SUFFIX}", "").replace("$SUFFIX", "");
        if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && !value.contains(['$', '`']) {
            found.insert(name.to_owned(), value);
        }
    }
    found
}

struct Reader<'a> {
    system: &'a System,
    logs: &'a mut Logs,
    budget: Budget,
    server_root: String,
    variables: HashMap<String, String>,
    /// Nicknames of formats that make JSON.
    json_formats: Vec<String>,
}

impl Reader<'_> {
    fn read_file(&mut self, path: &str, depth: usize) {
        if !self.budget.takes_file(depth) {
            return;
        }
        let Some(text) = self.system.read_text(path) else { return };
        let mut continued = String::new();
        for (index, line) in text.lines().enumerate() {
            continued.push_str(line);
            if continued.ends_with('\\') {
                continued.pop();
                continue;
            }
            let words = words(&continued);
            continued.clear();
            if let Some((directive, arguments)) = words.split_first() {
                self.directive(directive, arguments, &format!("{path}:{}", index + 1), depth);
            }
        }
    }

    fn directive(&mut self, name: &str, arguments: &[String], place: &str, depth: usize) {
        let [first, rest @ ..] = arguments else { return };
        let second = rest.first().map_or("", String::as_str);
        match name.to_ascii_lowercase().as_str() {
            "define" => drop(self.variables.insert(first.clone(), self.expanded(second))),
            "serverroot" => self.server_root = self.expanded(first),
            "logformat" if is_json(first) && !second.is_empty() => self.json_formats.push(second.to_owned()),
            "include" | "includeoptional" => {
                let pattern = self.absolute(&self.expanded(first));
                for found in self.system.glob(&pattern) {
                    if self.system.has_directory(&found) {
                        for name in self.system.names(&found) {
                            self.read_file(&format!("{found}/{name}"), depth + 1);
                        }
                    } else {
                        self.read_file(&found, depth + 1);
                    }
                }
            }
            "customlog" | "globallog" => {
                let json = is_json(second) || self.json_formats.iter().any(|known| known == second);
                self.log(first, place, json);
            }
            "transferlog" | "errorlog" => self.log(first, place, false),
            _ => {}
        }
    }

    fn log(&mut self, path: &str, place: &str, json: bool) {
        let path = self.expanded(path);
        // `ErrorLog syslog:daemon`; a name with a blank behind it would be a module's.
        let path = if path.starts_with("syslog") || path.starts_with('|') { path } else { self.absolute(&path) };
        self.budget.add(self.system, self.logs, &path, place.to_owned(), json);
    }

    fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", self.server_root) }
    }

    /// With the variables that are known; the others stay.
    fn expanded(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, behind)) = after.split_once('}') else { break };
            out.push_str(before);
            match self.variables.get(name) {
                Some(value) => out.push_str(value),
                None => out.push_str(&format!("${{{name}}}")),
            }
            rest = behind;
        }
        out.push_str(rest);
        out
    }
}

/// A directive and its arguments; nothing for comments and for tags of blocks, whose content counts.
fn words(line: &str) -> Vec<String> {
    let line = line.trim();
    if line.starts_with(['#', '<']) {
        return Vec::new();
    }
    let mut words = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let (word, behind) = match rest.chars().next() {
            Some(quote @ ('"' | '\'')) => quoted(&rest[1..], quote),
            _ => match rest.find(char::is_whitespace) {
                Some(end) => (rest[..end].to_owned(), &rest[end..]),
                None => (rest.to_owned(), ""),
            },
        };
        words.push(word);
        rest = behind.trim_start();
    }
    words
}

fn quoted(text: &str, quote: char) -> (String, &str) {
    let mut word = String::new();
    let mut escaped = false;
    for (at, char) in text.char_indices() {
        match char {
            _ if escaped => {
                word.push(char);
                escaped = false;
            }
            '\\' => escaped = true,
            _ if char == quote => return (word, &text[at + char.len_utf8()..]),
            _ => word.push(char),
        }
    }
    (word, "")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    fn write(root: &Path, name: &str, text: &str) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("directories");
        fs::write(path, text).expect("a file");
    }

    fn found(files: &[(&str, &str)]) -> Logs {
        let root = tempfile::tempdir().expect("a directory");
        files.iter().for_each(|(name, text)| write(root.path(), name, text));
        let mut logs = Logs::default();
        find(&System::new(root.path()).expect("a system"), &mut logs);
        logs
    }

    #[test]
    fn logs_of_debian_are_found_through_includes_and_variables() {
        let logs = found(&[
            ("etc/apache2/envvars", "export APACHE_LOG_DIR=/srv/log/apache2$SUFFIX\n"),
            (
                "etc/apache2/apache2.conf",
                "ErrorLog ${APACHE_LOG_DIR}/error.log\nIncludeOptional sites-enabled/*.conf\n",
            ),
            (
                "etc/apache2/sites-enabled/shop.conf",
                "<VirtualHost *:80>\n# CustomLog /no\n  CustomLog \"${APACHE_LOG_DIR}/shop access.log\" \\\n combined\n\
                 TransferLog \"|/usr/bin/rotatelogs /x 86400\"\nCustomLog ${APACHE_LOG_DIR}/shop.json \"{ \\\"a\\\": \\\"%h\\\" \
                 }\"\n CustomLog ${NO}/x combined\n ErrorLog syslog:local1\n</VirtualHost>\n",
            ),
        ]);
        let paths: Vec<&str> = logs.usable.iter().map(|log| log.path.as_str()).collect();
        assert_eq!(paths, ["/srv/log/apache2/error.log", "/srv/log/apache2/shop access.log"]);
        assert_eq!(logs.usable[1].found_in, "/etc/apache2/sites-enabled/shop.conf:4");
        let reasons: Vec<&str> = logs.unusable.iter().map(|log| log.why).collect();
        assert_eq!(reasons.len(), 4, "{reasons:?}");
        assert!(reasons[0].contains("program") && reasons[1].contains("JSON") && reasons[2].contains("variable"));
    }

    #[test]
    fn relative_logs_of_rhel_are_below_the_server_root_and_an_inclusion_of_itself_ends() {
        let main = "ServerRoot \"/etc/httpd\"\nErrorLog \"logs/error_log\"\nCustomLog logs/access_log combined\n\
                    Include conf/httpd.conf\nCustomLog /dev/stdout combined\n";
        let logs = found(&[("etc/httpd/conf/httpd.conf", main)]);
        let paths: Vec<&str> = logs.usable.iter().map(|log| log.path.as_str()).collect();
        assert_eq!(paths, ["/etc/httpd/logs/error_log", "/etc/httpd/logs/access_log"]);
    }

    proptest! {
        #[test]
        fn any_configuration_is_read_without_panic(text in "[A-Za-z${}\"'\\\\ /#<>|*.\n]{0,200}") {
            found(&[("etc/httpd/conf/httpd.conf", &text), ("etc/apache2/envvars", &text)]);
        }
    }
}
