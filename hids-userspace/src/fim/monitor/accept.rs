//! Changes that an administrator takes over, and trees that are forgotten.

use std::sync::Arc;

use hids_core::fim::PathKind;
use hids_core::model::{Acceptance, FileNews};

use super::event_loop::Monitor;
use crate::fim::clock;
use crate::fim::request::{AcceptView, PathText};
use crate::fim::store::{Durability, StoreError};

/// Entries that are rewritten in one transaction.
const AT_ONCE: usize = 10_000;
/// Paths named in the notice and in the answer.
const EXAMPLES: usize = 16;

impl Monitor {
    /// Sets the count of changes of every entry below `paths` back and forgets deleted ones.
    pub(super) fn accept(&mut self, paths: &[Vec<u8>], packages: bool) -> Result<AcceptView, StoreError> {
        let mut view = AcceptView::default();
        let mut examples: Vec<Vec<u8>> = Vec::new();
        let mut judge = super::package_recognition::Recognised::new(packages);
        for subtree in paths {
            let mut changed = Vec::new();
            for entry in self.view.subtree(subtree)? {
                let (path, entry) = entry?;
                if entry.is_accepted() {
                    continue;
                }
                if !judge.takes(&self.view, &path, &entry)? {
                    view.refused += 1;
                    if view.refused_examples.len() < EXAMPLES {
                        view.refused_examples.push(PathText::from(path.as_slice()));
                    }
                    continue;
                }
                view.accepted += 1;
                if examples.len() < EXAMPLES {
                    examples.push(path.clone());
                }
                changed.push(path);
                if changed.len() == AT_ONCE {
                    self.take_over(&std::mem::take(&mut changed))?;
                }
            }
            self.take_over(&changed)?;
        }
        view.packages = judge.packages();
        if view.accepted > 0 {
            let by_hand = || paths.iter().take(64).map(|path| format!("hidsctl fim accept {}", shown(path))).collect();
            let reasons = if packages { view.packages.iter().take(64).cloned().collect() } else { by_hand() };
            self.tell(vec![FileNews::Acceptance(Acceptance { reasons, files: view.accepted, examples })]);
        }
        Ok(view)
    }

    fn take_over(&mut self, paths: &[Vec<u8>]) -> Result<(), StoreError> {
        if paths.is_empty() {
            return Ok(());
        }
        let store = Arc::clone(&self.store);
        let mut update = store.begin()?;
        for path in paths {
            match update.entry(path)? {
                Some(mut entry) if entry.state.is_some() => {
                    (entry.changes, entry.unaccepted) = (0, None);
                    update.put(path, &entry)?;
                }
                Some(_) => _ = update.remove(path)?,
                None => {}
            }
        }
        update.commit(Durability::Synced)?;
        Ok(())
    }

    /// Forgets what was below a root that is no longer watched, but for what other roots hold.
    pub(super) fn forget_tree(&mut self, root: &[u8]) {
        let began = clock::now();
        if let Err(error) = self.forget(root) {
            self.store_failed(&error);
            return;
        }
        tracing::info!(
            tree = %shown(root),
            milliseconds = clock::now().since(began).as_millis() as u64,
            "a tree is no longer watched; its baseline is forgotten"
        );
    }

    fn forget(&mut self, root: &[u8]) -> Result<(), StoreError> {
        let store = Arc::clone(&self.store);
        loop {
            let unwatched = |path: &[u8]| {
                let kinds = [PathKind::Directory, PathKind::Other];
                kinds.into_iter().all(|kind| self.policy.watch_of(path, kind).is_none())
            };
            let entries =
                self.view.subtree(root)?.filter(|entry| entry.as_ref().map_or(true, |(path, _)| unwatched(path)));
            let paths = entries.take(AT_ONCE).map(|entry| Ok(entry?.0)).collect::<Result<Vec<_>, StoreError>>()?;
            if paths.is_empty() {
                return Ok(());
            }
            let mut update = store.begin()?;
            for path in &paths {
                update.remove(path)?;
                update.remove_text(path)?;
            }
            update.commit(Durability::Synced)?;
        }
    }
}

fn shown(path: &[u8]) -> String {
    hids_core::render::visible_string(path)
}
