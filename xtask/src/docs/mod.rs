//! `cargo xtask docs`: makes docs/json.md from the schemas below docs/schema/, and docs/ruleset.md from the rules.

mod example;
mod field;
mod page;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::bench::ruleset;
use crate::build::{Profile, build_programs};
use crate::exec::{command, output};
use crate::paths;

const SUFFIX: &str = ".schema.json";

/// Writes the pages.
pub(crate) fn run() -> Result<()> {
    let path = page_path();
    fs::write(&path, page::page(&schemas()?)).with_context(|| format!("cannot write {}", path.display()))?;
    println!("{}", path.display());
    rules()
}

/// The program knows what a rule means, and this one does not link its libraries.
fn rules() -> Result<()> {
    let program = build_programs(Profile::Debug)?.join("hidsctl");
    let config = ruleset::configuration(&paths::target().join("bench"), "docs", &paths::root().join("config/ruleset"))?;
    let page = output(command(program).arg("-c").arg(config).args(["rules", "list", "--markdown"]))?;
    let path = paths::root().join("docs/ruleset.md");
    fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}

fn page_path() -> PathBuf {
    paths::root().join("docs/json.md")
}

/// All schemas by name, in the order of the page.
fn schemas() -> Result<BTreeMap<String, Value>> {
    let directory = paths::root().join("docs/schema");
    let read = || format!("cannot read {}", directory.display());
    let mut schemas = BTreeMap::new();
    for entry in fs::read_dir(&directory).with_context(read)? {
        let path = entry.with_context(read)?.path();
        let read = || format!("cannot read {}", path.display());
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(SUFFIX));
        let schema = serde_json::from_slice(&fs::read(&path).with_context(read)?).with_context(read)?;
        schemas.insert(name.with_context(|| format!("{} is no schema", path.display()))?.to_owned(), schema);
    }
    Ok(schemas)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_what_the_schemas_give() {
        let page = fs::read_to_string(page_path()).expect("docs/json.md");
        assert!(page == page::page(&schemas().expect("the schemas")), "make it anew: cargo xtask docs");
    }

    #[test]
    fn a_part_is_the_same_wherever_it_is_used() {
        let mut parts: BTreeMap<String, Value> = BTreeMap::new();
        for (schema, value) in schemas().expect("the schemas") {
            for (name, part) in value["$defs"].as_object().into_iter().flatten() {
                let first = parts.entry(name.clone()).or_insert_with(|| part.clone());
                assert_eq!(first, part, "{name} in {schema}");
            }
        }
        assert!(parts.len() >= 8, "only {:?}", parts.keys());
    }

    #[test]
    fn every_field_is_described() {
        for (name, schema) in schemas().expect("the schemas") {
            assert!(schema["title"].is_string() && schema["x-hidsctl"]["example"].is_string(), "{name}");
            described(&name, &schema);
        }
    }

    fn described(place: &str, schema: &Value) {
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let text = field["description"].as_str().unwrap_or_default();
            assert!(text.ends_with('.'), "{place}.{name}: {text:?}");
        }
        match schema {
            Value::Object(map) => map
                .iter()
                .filter(|(name, _)| *name != "examples")
                .for_each(|(name, value)| described(&format!("{place}.{name}"), value)),
            Value::Array(list) => list.iter().for_each(|value| described(place, value)),
            _ => {}
        }
    }
}
