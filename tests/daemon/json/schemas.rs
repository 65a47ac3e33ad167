//! The schemas below docs/schema/, closed: what a schema does not name is refused.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Output;

use hids_tests::daemon::Daemon;
use hids_tests::programs::source_root;
use jsonschema::Validator;
use serde_json::Value;

/// What is said on standard error.
const MESSAGES: &str = "messages";

/// Every schema by its name, and which of them have judged something.
pub(super) struct Schemas {
    all: BTreeMap<String, Schema>,
    seen: RefCell<BTreeSet<String>>,
}

struct Schema {
    text: Value,
    closed: Validator,
}

impl Schemas {
    pub(super) fn load() -> Self {
        let directory = source_root().join("docs/schema");
        let mut all = BTreeMap::new();
        for entry in fs::read_dir(&directory).expect("the schemas") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
            let name = name.strip_suffix(".schema.json").unwrap_or_else(|| panic!("{name} is no schema"));
            let text: Value = serde_json::from_slice(&fs::read(&path).expect("readable")).expect("JSON");
            let mut closed = text.clone();
            close(&mut closed);
            let closed = jsonschema::options().should_validate_formats(true).build(&closed);
            let closed = closed.unwrap_or_else(|error| panic!("{name}: {error}"));
            all.insert(name.to_owned(), Schema { text, closed });
        }
        Self { all, seen: RefCell::default() }
    }

    /// Names of commands that have a schema.
    pub(super) fn commands(&self) -> BTreeSet<&str> {
        let lists = self.all.values().filter_map(|schema| schema.text["x-hidsctl"]["commands"].as_array());
        lists.flatten().filter_map(Value::as_str).collect()
    }

    /// Names of schemas that nothing was held against.
    pub(super) fn unseen(&self) -> Vec<&str> {
        let seen = self.seen.borrow();
        self.all.keys().map(String::as_str).filter(|name| !seen.contains(*name)).collect()
    }

    /// Each example with the schema that has it.
    pub(super) fn check_examples(&self) {
        for (name, schema) in &self.all {
            let examples = schema.text["examples"].as_array();
            assert!(examples.is_some_and(|examples| !examples.is_empty()), "{name} has no example");
            examples.into_iter().flatten().for_each(|example| self.check(name, example));
        }
    }

    /// Holds a value against a schema.
    pub(super) fn check(&self, name: &str, value: &Value) {
        let schema = &self.all.get(name).unwrap_or_else(|| panic!("there is no schema {name}")).closed;
        let problems: Vec<String> =
            schema.iter_errors(value).map(|error| format!("  {}: {}", error.instance_path(), error.masked())).collect();
        assert!(problems.is_empty(), "{name} is not as docs/schema has it:\n{}\n{value:#}", problems.join("\n"));
    }

    /// Runs a command with `--json`, and holds all that it prints against `name` and against the schema of messages.
    pub(super) fn run(&self, host: &Daemon, name: &str, arguments: &[&str]) -> Vec<Value> {
        self.judge(name, arguments, &host.hidsctl(&[arguments, &["--json"]].concat()))
    }

    /// The same with input.
    pub(super) fn run_with(&self, host: &Daemon, name: &str, arguments: &[&str], input: &[u8]) -> Vec<Value> {
        self.judge(name, arguments, &host.hidsctl_input(&[arguments, &["--json"]].concat(), input))
    }

    /// Runs a command that ends with an error, so that it has no answer.
    pub(super) fn fail(&self, host: &Daemon, exit: i32, arguments: &[&str]) {
        let output = host.hidsctl(&[arguments, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}: {output:?}");
        self.judge(MESSAGES, arguments, &output);
    }

    fn judge(&self, name: &str, arguments: &[&str], output: &Output) -> Vec<Value> {
        let facts = &self.all.get(name).unwrap_or_else(|| panic!("there is no schema {name}")).text["x-hidsctl"];
        let answers = lines(arguments, &output.stdout);
        let is_document = facts["output"] == "document";
        assert!(!is_document || answers.len() == 1, "{arguments:?} prints one document: {output:?}");
        for answer in &answers {
            self.check(name, answer);
            self.saw(name);
        }
        for message in lines(arguments, &output.stderr) {
            self.check(MESSAGES, &message);
            self.saw(MESSAGES);
        }
        // The numbers of `fim check` are a sum of bits.
        let code = output.status.code().expect("an exit status");
        let is_known = code == 0 || name == "fim-check" || !facts["exit_status"][code.to_string()].is_null();
        assert!(is_known || name == MESSAGES, "{arguments:?} ends with {code}, which {name} does not have");
        answers
    }

    fn saw(&self, name: &str) {
        self.seen.borrow_mut().insert(name.to_owned());
    }
}

fn lines(arguments: &[&str], bytes: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(bytes).expect("UTF-8");
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {line}"));
    text.lines().map(parse).collect()
}

/// Refuses what objects with known fields have besides.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if map.contains_key("properties") && !map.contains_key("additionalProperties") {
                map.insert("additionalProperties".to_owned(), false.into());
            }
            map.values_mut().for_each(close);
        }
        Value::Array(list) => list.iter_mut().for_each(close),
        _ => {}
    }
}
