//! The modules of every crate of the workspace, and the files that they stand in.

use std::collections::HashMap;

use super::read::{self, ImplBlock, Mention, Struct, Use};
use crate::tidy::source::Source;

/// The crates: the root file, and the name by which others call the crate (none for programs).
const CRATES: &[(&str, Option<&str>)] = &[
    ("hids-common/src/lib.rs", Some("hids_common")),
    ("hids-ebpf/src/main.rs", None),
    ("hids-ebpf/src/guard/main.rs", None),
    ("hids-core/src/lib.rs", Some("hids_core")),
    ("hids-userspace/src/lib.rs", Some("hids_userspace")),
    ("hids-userspace/src/bin/hidsd.rs", None),
    ("hids-userspace/src/bin/hidsctl.rs", None),
    ("tests/src/lib.rs", Some("hids_tests")),
    ("xtask/src/main.rs", None),
];

/// The number of a module.
pub(super) type Id = usize;

/// All modules.
#[derive(Default)]
pub(crate) struct Workspace {
    pub(super) modules: Vec<Node>,
    /// The root modules of the crates that others can name.
    pub(super) crates: HashMap<String, Id>,
}

/// A module in its place.
pub(super) struct Node {
    /// The file it stands in.
    pub file: String,
    /// Its path in the crate.
    pub path: Vec<String>,
    pub root: Id,
    pub parent: Option<Id>,
    pub children: HashMap<String, Id>,
    pub items: Vec<String>,
    pub uses: Vec<Use>,
    pub mentions: Vec<Mention>,
    pub structs: Vec<Struct>,
    pub impls: Vec<ImplBlock>,
}

/// Where the next module goes.
struct Place {
    file: String,
    /// The folder of the files of its children.
    folder: String,
    path: Vec<String>,
    parent: Option<Id>,
}

impl Workspace {
    /// Reads all crates. Files that are no Rust are left to the compiler to complain about.
    pub(crate) fn read(sources: &[Source]) -> Self {
        let texts: HashMap<&str, &str> =
            sources.iter().map(|source| (source.name.as_str(), source.text.as_str())).collect();
        let mut workspace = Self::default();
        for (file, name) in CRATES {
            let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
            let place = Place { file: (*file).to_owned(), folder, path: Vec::new(), parent: None };
            if let (Some(root), Some(name)) = (workspace.add_file(place, &texts), name) {
                workspace.crates.insert((*name).to_owned(), root);
            }
        }
        workspace
    }

    fn add_file(&mut self, place: Place, texts: &HashMap<&str, &str>) -> Option<Id> {
        let tokens = texts.get(place.file.as_str())?.parse().ok()?;
        Some(self.add(place, read::module(tokens), texts))
    }

    fn add(&mut self, place: Place, module: read::Module, texts: &HashMap<&str, &str>) -> Id {
        let id = self.modules.len();
        let root = place.parent.map_or(id, |parent| self.modules[parent].root);
        self.modules.push(Node {
            file: place.file.clone(),
            path: place.path.clone(),
            root,
            parent: place.parent,
            children: HashMap::new(),
            items: module.items,
            uses: module.uses,
            mentions: module.mentions,
            structs: module.structs,
            impls: module.impls,
        });
        let path_of = |name: &String| place.path.iter().chain([name]).cloned().collect::<Vec<_>>();
        for (name, written) in &module.files {
            let beside = format!("{}/{name}.rs", place.folder);
            let inside = format!("{}/{name}/mod.rs", place.folder);
            let file = match written {
                Some(path) => format!("{}/{path}", place.file.rsplit_once('/').map_or("", |(folder, _)| folder)),
                None if texts.contains_key(beside.as_str()) => beside,
                None => inside,
            };
            let folder = format!("{}/{name}", place.folder);
            if let Some(child) = self.add_file(Place { file, folder, path: path_of(name), parent: Some(id) }, texts) {
                self.modules[id].children.insert(name.clone(), child);
            }
        }
        for (name, inner) in module.inline {
            let folder = format!("{}/{name}", place.folder);
            let place = Place { file: place.file.clone(), folder, path: path_of(&name), parent: Some(id) };
            let child = self.add(place, inner, texts);
            self.modules[id].children.insert(name, child);
        }
        id
    }
}
