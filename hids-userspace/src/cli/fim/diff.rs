//! `hidsctl fim diff`: what is not as it was accepted.

use std::path::PathBuf;

use clap::Args;

use super::{absolute, baseline, list, shown};
use crate::accounts::Names;
use crate::cli::exit::Exit;
use crate::cli::{Common, output, table};
use crate::fim::protocol::{ChangeView, ListItem, StateView};

/// What to compare.
#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// Limit to this path and everything below it
    #[arg(default_value = "/")]
    below: PathBuf,
    /// Compare the baseline with an export
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
}

/// Lists changes by path; 1 when there are any.
pub(super) fn run(common: &Common, args: &DiffArgs) -> anyhow::Result<Exit> {
    let below = absolute(&args.below)?;
    if let Some(export) = &args.export {
        return baseline::compare(common, export, &below);
    }
    let mut items = Vec::new();
    list::each(common, &below, true, |item| {
        items.push(item);
        Ok(())
    })?;
    items.sort_by(|one, other| one.path.as_bytes().cmp(other.path.as_bytes()));
    if common.json {
        for item in &items {
            output::print_json(&serde_json::to_value(item)?)?;
        }
    } else {
        output::print(&text(&items, &Names::load()))?;
    }
    Ok(if items.is_empty() { Exit::Success } else { Exit::No })
}

fn text(items: &[ListItem], names: &Names) -> String {
    if items.is_empty() {
        return "no changes\n".into();
    }
    let change = |item: &ListItem| item.change.clone().unwrap_or_default();
    let rows: Vec<Vec<String>> = items
        .iter()
        .map(|item| {
            let of = change(item);
            let what = what(item, &of, names);
            vec![output::visible(of.change.as_bytes()), shown(&item.path), output::visible(what.as_bytes())]
        })
        .collect();
    let count = |kind: &str| items.iter().filter(|item| change(item).change == kind).count();
    let (new, modified, deleted) = (count("new"), count("modified"), count("deleted"));
    format!(
        "{}{} since the last acceptance: {new} new, {modified} modified, {deleted} deleted\n",
        table::table(&["CHANGE", "PATH", "WHAT"], &rows),
        output::count(items.len() as u64, "path"),
    )
}

fn what(item: &ListItem, change: &ChangeView, names: &Names) -> String {
    let mut parts = Vec::new();
    match (&change.accepted, &item.state) {
        (Some(old), Some(new)) => parts.extend(change.differences.iter().map(|name| difference(name, old, new, names))),
        (None, Some(new)) if item.new => {
            let owner = format!("owner {}:{}", names.user(new.uid), names.group(new.gid));
            parts.extend([new.kind.clone(), format!("size {}", new.size_bytes), owner, format!("mode {}", new.mode)]);
        }
        (None, Some(_)) => parts.push("the accepted state is no longer in the history".into()),
        (_, None) => {}
    }
    if change.accepted.is_some() && item.state.is_some() && parts.is_empty() {
        parts.push("same as accepted".into());
    }
    if item.changes > 1 {
        parts.push(format!("{} changes", item.changes));
    }
    let user = change.user_id.map(|uid| names.user(uid));
    match (&change.program, user) {
        (Some(program), Some(user)) => parts.push(format!("by {} ({user})", shown(program))),
        (Some(program), None) => parts.push(format!("by {}", shown(program))),
        (None, Some(user)) => parts.push(format!("by {user}")),
        (None, None) => {}
    }
    parts.join(", ")
}

/// `size 871 → 902`, `content`.
fn difference(name: &str, old: &StateView, new: &StateView, names: &Names) -> String {
    let target = |state: &StateView| state.link_target.as_ref().map_or_else(|| "-".to_owned(), shown);
    let (before, after) = match name {
        "kind" => (old.kind.clone(), new.kind.clone()),
        "size" => (old.size_bytes.to_string(), new.size_bytes.to_string()),
        "owner" => (names.user(old.uid), names.user(new.uid)),
        "group" => (names.group(old.gid), names.group(new.gid)),
        "mode" => (old.mode.clone(), new.mode.clone()),
        "inode" => (old.inode.to_string(), new.inode.to_string()),
        "link_target" => (target(old), target(new)),
        "modified" => (local(&old.modified), local(&new.modified)),
        "xattrs" => return "extended attributes".into(),
        _ => return name.to_owned(),
    };
    let name = if name == "link_target" { "link" } else { name };
    format!("{name} {before} → {after}")
}

fn local(time: &str) -> String {
    let local = time.parse::<jiff::Timestamp>().map(|time| time.to_zoned(jiff::tz::TimeZone::system()));
    local.map_or_else(|_| time.to_owned(), |time| time.strftime("%F %T").to_string())
}

#[cfg(test)]
mod tests {
    use hids_core::escape::is_dangerous;

    use super::*;
    use crate::fim::protocol::PathText;

    fn state(size: u64, mode: &str, uid: u32) -> StateView {
        StateView {
            kind: "file".into(),
            size_bytes: size,
            mode: mode.into(),
            uid,
            gid: 4_294_967_294,
            ..StateView::default()
        }
    }

    fn item(path: &[u8], state: Option<StateView>, change: ChangeView) -> ListItem {
        let new = change.change == "new";
        ListItem { path: PathText::from(path), state, changes: 1, new, change: Some(change) }
    }

    #[test]
    fn what_changed_is_named_and_counted() {
        let change = |change: &str| ChangeView { change: change.into(), ..ChangeView::default() };
        let modified = ChangeView {
            accepted: Some(state(871, "0644", 4_294_967_293)),
            differences: ["size", "content", "owner", "mode"].map(str::to_owned).into(),
            program: Some(PathText::from(&b"/usr/bin/v\x1bi"[..])),
            user_id: Some(4_294_967_293),
            ..change("modified")
        };
        let items = [
            item(b"/a", Some(state(902, "0600", 0)), modified),
            item(b"/b\n", Some(state(5, "0644", 0)), change("new")),
            item(b"/c", None, change("deleted")),
        ];
        let text = text(&items, &Names::load());
        let line = "modified  /a    size 871 → 902, content, owner 4294967293 → root, mode 0644 → 0600, by /usr/bin/v\\x1bi (4294967293)\n";
        assert!(text.contains(line), "{text}");
        assert!(text.contains("new       /b\\n  file, size 5, owner root:4294967294, mode 0644\n"), "{text}");
        assert!(text.ends_with("3 paths since the last acceptance: 1 new, 1 modified, 1 deleted\n"), "{text}");
        assert!(!text.lines().any(|line| line.contains(is_dangerous)), "{text:?}");
    }
}
