//! Follows a path to the file that defines what it names.

use super::read::Struct;
use super::tree::{Id, Workspace};
use super::{Import, Methods};

/// How many re-exports a name may lead through; more is a circle of globs.
const MOST_STEPS: usize = 16;

/// What a path leads to, and the modules on the way.
struct Target {
    module: Id,
    /// Whether it is an item of that module and not the module itself.
    is_item: bool,
    visited: Vec<Id>,
}

/// Follows names in a workspace to their definitions.
pub(crate) struct Resolver<'a> {
    workspace: &'a Workspace,
}

impl<'a> Resolver<'a> {
    /// Resolves names of `workspace`.
    pub(crate) fn new(workspace: &'a Workspace) -> Self {
        Self { workspace }
    }

    /// Every use of another file's definition, in the order of the files.
    pub(crate) fn imports(&self) -> Vec<Import> {
        let mut found = Vec::new();
        for (id, module) in self.workspace.modules.iter().enumerate() {
            for import in &module.uses {
                self.note(id, &import.path, import.line, import.is_public, &mut found);
            }
            for mention in &module.mentions {
                let names_part = mention.path.len() > 1 && module.children.contains_key(&mention.path[0]);
                self.note(id, &mention.path, mention.line, names_part, &mut found);
            }
        }
        found
    }

    /// Every inherent `impl` block with the type that it belongs to.
    pub(crate) fn methods(&self) -> Vec<Methods> {
        let mut found = Vec::new();
        for (id, module) in self.workspace.modules.iter().enumerate() {
            for block in &module.impls {
                let defined_in = self.look_up(id, &block.name, true, 0).filter(|target| target.is_item);
                let Some(defined_in) = defined_in.map(|target| self.workspace.modules[target.module].file.clone())
                else {
                    continue;
                };
                let (name, take_self) = (block.name.clone(), block.has_methods);
                found.push(Methods { name, defined_in, file: module.file.clone(), take_self });
            }
        }
        found
    }

    /// Every struct with named fields, with its file.
    pub(crate) fn structs(&self) -> impl Iterator<Item = (&'a str, &'a Struct)> + use<'a> {
        self.workspace
            .modules
            .iter()
            .flat_map(|module| module.structs.iter().map(|found| (module.file.as_str(), found)))
    }

    /// Adds what a path leads to; `composes` for a re-export and for a call into a part, which are no
    /// imports if they lead into a part of the own module.
    fn note(&self, from: Id, path: &[String], line: usize, composes: bool, found: &mut Vec<Import>) {
        let Some(target) = self.follow(from, path, 0) else { return };
        let own = &self.workspace.modules[from];
        let through = target.visited.iter().filter(|id| self.workspace.modules[**id].root == own.root);
        let mut through: Vec<String> =
            through.filter_map(|id| self.workspace.modules[*id].path.first().cloned()).collect();
        through.retain(|name| own.path.first() != Some(name));
        through.dedup();
        let defining = &self.workspace.modules[target.module];
        let is_part = defining.root == own.root && defining.path.starts_with(&own.path);
        let is_import = target.is_item && defining.file != own.file && !(composes && is_part);
        // A module that is named is an arrow between layers, but no import of a file.
        let to = if is_import { defining.file.clone() } else { own.file.clone() };
        if is_import || !through.is_empty() {
            found.push(Import { from: own.file.clone(), line, to, through });
        }
    }

    /// Where a path leads that stands in the module `from`.
    fn follow(&self, from: Id, path: &[String], steps: usize) -> Option<Target> {
        let (first, rest) = path.split_first()?;
        let here = &self.workspace.modules[from];
        let start = match first.as_str() {
            "crate" => self.at(here.root),
            "self" => self.at(from),
            "super" => self.at(here.parent?),
            name => self
                .look_up(from, name, rest.is_empty(), steps)
                .or_else(|| Some(self.at(*self.workspace.crates.get(name)?)))?,
        };
        rest.iter().enumerate().try_fold(start, |target, (index, name)| {
            if target.is_item {
                return Some(target);
            }
            let mut next = if name == "super" {
                self.at(self.workspace.modules[target.module].parent?)
            } else {
                self.look_up(target.module, name, index + 1 == rest.len(), steps)?
            };
            next.visited.splice(0..0, target.visited);
            Some(next)
        })
    }

    /// What a name means inside a module; `is_last` prefers an item to a module of the same name.
    fn look_up(&self, module: Id, name: &str, is_last: bool, steps: usize) -> Option<Target> {
        if steps > MOST_STEPS {
            return None;
        }
        let node = &self.workspace.modules[module];
        let child = || node.children.get(name).map(|child| self.at(*child));
        if !is_last && let Some(child) = child() {
            return Some(child);
        }
        if node.items.iter().any(|item| item == name) {
            return Some(Target { module, is_item: true, visited: vec![module] });
        }
        let named = || node.uses.iter().filter(|import| import.name.as_deref() == Some(name));
        let found: Vec<Target> = named().filter_map(|import| self.follow(module, &import.path, steps + 1)).collect();
        let preferred = found.iter().position(|target| target.is_item == is_last).unwrap_or(0);
        if let Some(target) = found.into_iter().nth(preferred) {
            return Some(target);
        }
        let globs = node.uses.iter().filter(|import| import.name.is_none());
        let from_globs = || {
            globs.into_iter().find_map(|import| {
                let target = self.follow(module, &import.path, steps + 1)?;
                if target.is_item { None } else { self.look_up(target.module, name, is_last, steps + 1) }
            })
        };
        child().or_else(from_globs)
    }

    fn at(&self, module: Id) -> Target {
        Target { module, is_item: false, visited: vec![module] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::source::Source;

    fn imports(files: &[(&str, &str)]) -> Vec<String> {
        let sources =
            files.iter().map(|(name, text)| Source { name: format!("hids-core/src/{name}"), text: (*text).to_owned() });
        let short = |name: &str| name.trim_start_matches("hids-core/src/").to_owned();
        let workspace = Workspace::read(&sources.collect::<Vec<_>>());
        let found = Resolver::new(&workspace).imports().into_iter();
        found
            .map(|import| {
                format!("{}:{} {} {}", short(&import.from), import.line, short(&import.to), import.through.join(","))
            })
            .collect()
    }

    #[test]
    fn re_export_is_followed_to_the_definition() {
        let files = [
            ("lib.rs", "mod a;\nmod b;"),
            ("a/mod.rs", "mod inner;\npub use inner::Thing;"),
            ("a/inner.rs", "pub struct Thing;"),
            ("b.rs", "use crate::a::Thing;"),
        ];
        assert_eq!(imports(&files), ["b.rs:1 a/inner.rs a"]);
    }

    #[test]
    fn super_self_and_paths_in_expressions_are_followed() {
        let files = [
            ("lib.rs", "mod a;"),
            ("a/mod.rs", "mod b;\nmod c;\npub const LIMIT: u8 = 1;"),
            ("a/b.rs", "fn f() -> u8 {\n    super::c::g() + super::LIMIT\n}"),
            ("a/c.rs", "pub fn g() -> u8 { self::h() + super::super::a::LIMIT }\nfn h() -> u8 { 0 }"),
        ];
        assert_eq!(imports(&files), ["a/b.rs:2 a/c.rs ", "a/b.rs:2 a/mod.rs ", "a/c.rs:1 a/mod.rs "]);
    }

    #[test]
    fn module_in_scope_is_followed_and_its_use_alone_is_no_import() {
        let files =
            [("lib.rs", "mod a;\nmod b;"), ("a.rs", "pub fn run() {}"), ("b.rs", "use crate::a;\nfn f() { a::run() }")];
        assert_eq!(imports(&files), ["b.rs:1 b.rs a", "b.rs:2 a.rs a"]);
    }

    #[test]
    fn globs_and_inline_modules_are_followed() {
        let files = [
            ("lib.rs", "mod a;\nmod b;"),
            ("a.rs", "pub mod inner { pub struct Deep; }\npub struct Flat;"),
            ("b.rs", "use crate::a::*;\nfn f(x: Flat, y: inner::Deep) {}"),
        ];
        assert_eq!(imports(&files), ["b.rs:1 b.rs a", "b.rs:2 a.rs a", "b.rs:2 a.rs a"]);
    }

    #[test]
    fn head_that_calls_its_parts_composes_them_and_one_that_imports_from_them_does_not() {
        let head = |code: &str| format!("mod part;\npub const LIMIT: u8 = 1;\n{code}");
        let found = |code: &str| {
            let head = head(code);
            imports(&[("lib.rs", "mod a;"), ("a/mod.rs", &head), ("a/part.rs", "pub fn run() {}")])
        };
        assert!(found("fn f() { part::run() }").is_empty());
        assert_eq!(found("use part::run;"), ["a/mod.rs:3 a/part.rs "]);
        assert_eq!(found("use self::part::run;\nfn f() { run() }").len(), 2);
    }
}
