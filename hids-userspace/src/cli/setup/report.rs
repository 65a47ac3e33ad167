//! What `hidsctl setup` says.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::proposal::{Proposal, Settled};
use super::super::{Common, messages, output};
use super::create::Created;
use crate::adopt::draft::Draft;
use crate::adopt::findings::{Findings, never_block, wants_mail};

/// Files that were created, and those that were there.
pub(super) fn files(common: &Common, files: &Created, only_created: bool) -> anyhow::Result<()> {
    if common.json {
        return output::print_json(&json!({ "created": files.created, "unchanged": files.unchanged }));
    }
    let lines = |word: &str, paths: &[PathBuf]| -> String {
        paths
            .iter()
            .map(|path| format!("{word} {}\n", output::visible(path.display().to_string().as_bytes())))
            .collect()
    };
    output::print(&lines("created", &files.created))?;
    if only_created { Ok(()) } else { output::print(&lines("unchanged", &files.unchanged)) }
}

/// Networks of the host that are not protected yet.
pub(super) fn suggested_networks(found: &Findings, draft: &Draft) -> Vec<String> {
    let networks = found.networks.iter().map(ToString::to_string);
    networks.filter(|network| never_block(&mut draft.clone(), network).unwrap_or(false)).collect()
}

/// What was found, what changes, and what is left to a person.
pub(super) fn found(found: &Findings, changes: &[String], draft: &Draft) -> String {
    let mut text = String::new();
    let mut part = |title: &str, lines: &[String]| {
        if !lines.is_empty() {
            text.push_str(&format!("\n{title}:\n"));
            lines.iter().for_each(|line| text.push_str(&format!("  {}\n", output::visible(line.as_bytes()))));
        }
    };
    let logs = found.logs.usable.iter().map(|log| format!("{} ({})", log.path, log.found_in));
    let journal = found.has_journal.then(|| "systemd journal".to_owned());
    part("log sources", &journal.into_iter().chain(logs).collect::<Vec<_>>());
    let unusable = found.logs.unusable.iter().map(|log| format!("{} ({}): {}", log.what, log.found_in, log.why));
    part("not read", &unusable.collect::<Vec<_>>());
    part("changes", changes);
    part("suggestions", &suggestions(found, draft));
    text
}

fn suggestions(found: &Findings, draft: &Draft) -> Vec<String> {
    let mut lines: Vec<String> = suggested_networks(found, draft)
        .iter()
        .map(|network| format!("never block your own network: <white_list>{network}</white_list> in <global>"))
        .collect();
    lines.extend(found.sessions.iter().filter(|session| !session.is_admin).map(|session| {
        format!("{} is logged in from {}; the address is not protected", session.user, session.address)
    }));
    if wants_mail(draft) {
        lines.push(match (&found.mail, found.has_mail_server) {
            (Some(mail), false) => format!(
                "mail: root's mail goes to {} ({}), but no mail server listens on port 25: set <smtp_server>",
                mail.address, mail.found_in
            ),
            (_, true) => "mail: set <email_to> and <email_notification>; root's mail has no other address".to_owned(),
            (None, false) => "mail: set <email_to>, <email_from>, <smtp_server> and <email_notification>".to_owned(),
        });
    }
    for (name, file, command) in &found.others {
        lines.push(match command.is_empty() {
            true => format!("{name} is installed ({file})"),
            false => format!("{name} is installed ({file}): {command}"),
        });
    }
    lines
}

/// What was done, and what to do next.
pub(super) fn outcome(path: &Path, settled: &Settled, found: &Findings) -> anyhow::Result<()> {
    let shown = output::visible(path.display().to_string().as_bytes());
    let mut text = match settled {
        Settled::Unchanged => format!("\n{shown} fits this system; nothing to change\n"),
        Settled::Shown => format!("\nnothing was changed in {shown}; `hidsctl setup --yes` writes the changes\n"),
        Settled::Written(kept) => {
            let kept = kept.iter().map(|path| output::visible(path.display().to_string().as_bytes()));
            format!("\nwrote {shown}; the previous file is {}\n", kept.collect::<Vec<_>>().join(", "))
        }
        Settled::Refused(errors) => {
            messages::diagnostics(errors);
            messages::refusal("the new configuration would have errors; nothing was changed", None);
            return Ok(());
        }
    };
    if !matches!(settled, Settled::Shown) {
        let other = found.others.iter().any(|(name, ..)| *name == "OSSEC" || *name == "Wazuh");
        text.push_str("\nnext:\n");
        if other {
            text.push_str("  systemctl disable --now ossec     # hidsd does not start while OSSEC is running\n");
        }
        text.push_str(
            "  hidsctl check                     # every problem, with a hint\n  systemctl enable --now hidsd      # or, \
             if it is running: systemctl reload hidsd\n  hidsctl status\n",
        );
    }
    output::print(&text)
}

/// Everything for programs.
pub(super) fn json(
    files: &Created,
    found: &Findings,
    changes: &[String],
    proposal: &Proposal,
    settled: &Settled,
) -> anyhow::Result<()> {
    let logs =
        found.logs.usable.iter().map(|log| json!({"path": log.path, "format": log.format, "found_in": log.found_in}));
    let unusable =
        found.logs.unusable.iter().map(|log| json!({"log": log.what, "found_in": log.found_in, "reason": log.why}));
    let sessions = found
        .sessions
        .iter()
        .map(|session| json!({"user": session.user, "address": session.address, "administrator": session.is_admin}));
    let others = found.others.iter().map(|(name, file, _)| json!({"name": name, "file": file}));
    output::print_json(&json!({
        "created": files.created,
        "unchanged": files.unchanged,
        "found": {
            "journal": found.has_journal,
            "logs": logs.collect::<Vec<_>>(),
            "unusable_logs": unusable.collect::<Vec<_>>(),
            "sessions": sessions.collect::<Vec<_>>(),
            "networks": found.networks.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "mail": found.mail.as_ref().map(|mail| json!({"address": mail.address, "found_in": mail.found_in})),
            "mail_server": found.has_mail_server,
            "others": others.collect::<Vec<_>>(),
        },
        "changes": changes,
        "diff": proposal.diff(),
        "written": matches!(settled, Settled::Written(_)),
        "kept": kept(settled),
        "errors": errors(settled),
    }))
}

fn kept(settled: &Settled) -> Value {
    match settled {
        Settled::Written(kept) => json!(kept),
        _ => json!([]),
    }
}

fn errors(settled: &Settled) -> Value {
    match settled {
        Settled::Refused(errors) => errors.iter().map(messages::diagnostic_json).collect(),
        _ => json!([]),
    }
}
