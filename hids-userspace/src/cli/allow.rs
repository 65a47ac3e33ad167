//! `hidsctl allow`: addresses and networks that nothing blocks, without editing ossec.conf.

use std::fs::{self, File};
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use hids_core::diag::Diagnostic;
use hids_core::respond::{NeverBlock, ProtectedSet};
use ipnet::IpNet;
use rustix::fs::FlockOperation;
use serde_json::{Value, json};

use super::exit::Exit;
use super::reload::ask;
use super::{Common, messages, output, screen, table};
use crate::config::allow_list::{AllowList, path_of};
use crate::config::{self, AllowedNet};
use crate::control::{ClientError, Request};
use crate::platform::atomic_file;

/// Networks that are wider are most likely a mistake.
const SHORTEST_PREFIX: (u8, u8) = (8, 32);
/// Longest comment, in bytes.
const COMMENT_BYTES: usize = 500;
const FILE_MODE: u32 = 0o640;

/// What to do with the list.
#[derive(Debug, Args)]
pub struct AllowArgs {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List what is never blocked, with its origin (default)
    List,
    /// Never block these addresses and networks, from now on; ends their blocks
    Add {
        /// IPv4 or IPv6 address, or a network such as 203.0.113.0/24
        #[arg(required = true, value_name = "NETWORK", value_parser = network)]
        networks: Vec<IpNet>,
        /// Why, shown by `allow list`
        #[arg(long, value_name = "TEXT", value_parser = comment)]
        comment: Option<String>,
        /// Accept networks shorter than /8 (IPv4) or /32 (IPv6)
        #[arg(long)]
        force: bool,
    },
    /// Remove what `allow add` added
    Remove {
        /// Address or network, as listed
        #[arg(required = true, value_name = "NETWORK", value_parser = network)]
        networks: Vec<IpNet>,
    },
}

/// A network, or an address as the network of one.
fn network(text: &str) -> Result<IpNet, String> {
    let net = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address.to_canonical()),
        Err(_) => text.parse::<IpNet>().map_err(|_| "expected an address or a network (203.0.113.0/24)".to_owned())?,
    };
    if net.trunc() != net {
        return Err(format!("{text} has bits behind the prefix; use {} or {}", net.trunc(), net.addr()));
    }
    Ok(net)
}

fn comment(text: &str) -> Result<String, String> {
    if text.len() > COMMENT_BYTES || text.chars().any(char::is_control) {
        return Err(format!("a comment has at most {COMMENT_BYTES} bytes and no control characters"));
    }
    Ok(text.trim().to_owned())
}

/// Runs `hidsctl allow`.
pub(super) fn run(common: &Common, args: &AllowArgs) -> anyhow::Result<Exit> {
    match &args.action {
        None | Some(Action::List) => list(common),
        Some(Action::Add { networks, comment, force }) => add(common, networks, comment.as_deref(), *force),
        Some(Action::Remove { networks }) => remove(common, networks),
    }
}

fn add(common: &Common, networks: &[IpNet], comment: Option<&str>, force: bool) -> anyhow::Result<Exit> {
    for net in networks {
        if let Some(why) = refusal(net, force) {
            return Ok(messages::refusal(&why, None));
        }
    }
    let added = write_added(common, networks, comment)?;
    if common.json {
        output::print_json(&added.to_json())?;
    } else {
        output::print(&added.to_text())?;
    }
    Ok(Exit::Success)
}

/// Never blocks `address` from now on; what `allow add` says of that.
pub(super) fn allowed(common: &Common, address: IpAddr) -> anyhow::Result<String> {
    let net = IpNet::from(address);
    if let Some(why) = refusal(&net, false) {
        bail!(why);
    }
    Ok(write_added(common, &[net], None)?.to_text())
}

/// What was added, and what was on the list already.
struct Added {
    added: Vec<IpNet>,
    known: Vec<IpNet>,
    effect: Effect,
}

impl Added {
    fn to_json(&self) -> Value {
        json!({
            "added": texts(&self.added), "unchanged": texts(&self.known), "effective": self.effect.json(),
        })
    }

    fn to_text(&self) -> String {
        let known = self.known.iter().map(|net| format!("{} is already on the list\n", shown(net)));
        let added =
            self.added.iter().map(|net| format!("{} is never blocked{}\n", shown(net), self.effect.of_addition()));
        known.chain(added).collect()
    }
}

fn write_added(common: &Common, networks: &[IpNet], comment: Option<&str>) -> anyhow::Result<Added> {
    let mut file = ListFile::open(common)?;
    let comment = comment.filter(|comment| !comment.is_empty()).map(str::to_owned);
    let (added, known) =
        networks.iter().partition(|net| file.list.add(AllowedNet { net: **net, comment: comment.clone() }));
    let effect = file.write(common)?;
    Ok(Added { added, known, effect })
}

/// Why nothing is added for this network.
fn refusal(net: &IpNet, force: bool) -> Option<String> {
    let always = ProtectedSet::default();
    let ends = [net.network(), net.broadcast()].map(|address| always.protects(address));
    if let [Some(reason), Some(other)] = ends
        && reason == other
    {
        return Some(format!("{} is never blocked in any case: {reason}", shown(net)));
    }
    let shortest = if net.addr().is_ipv4() { SHORTEST_PREFIX.0 } else { SHORTEST_PREFIX.1 };
    (net.prefix_len() < shortest && !force).then(|| {
        let what = if net.prefix_len() == 0 {
            "every address, so that nothing is ever blocked"
        } else {
            "a very large network"
        };
        format!("{net} is {what}; use --force if that is intended (without it, at least /{shortest})")
    })
}

fn remove(common: &Common, networks: &[IpNet]) -> anyhow::Result<Exit> {
    let mut file = ListFile::open(common)?;
    let (removed, unknown): (Vec<IpNet>, Vec<IpNet>) = networks.iter().partition(|net| file.list.remove(**net));
    let effect = if removed.is_empty() { Effect::Nothing } else { file.write(common)? };
    let others = of_configuration(common).0;
    for net in &unknown {
        let listed = others.iter().any(|other| other.net == Some(*net));
        let help = listed.then_some("it is in ossec.conf: remove its <white_list> there, then run hidsctl reload");
        messages::refusal(&format!("{} is not in {}", shown(net), file.path.display()), help);
    }
    let mut text = String::new();
    for net in &removed {
        text.push_str(&format!("{} can be blocked again{}\n", shown(net), effect.of_removal()));
        let rest = file.list.entries().map(|entry| (entry.net, "allow.list"));
        let mut rest = rest.chain(others.iter().filter_map(|other| Some((other.net?, "ossec.conf"))));
        if let Some((wider, origin)) = rest.find(|(wider, _)| wider.contains(net)) {
            text.push_str(&format!("  but {wider} in {origin} still covers it\n"));
        }
    }
    if common.json {
        output::print_json(
            &json!({ "removed": texts(&removed), "unknown": texts(&unknown), "effective": effect.json() }),
        )?;
    } else {
        output::print(&text)?;
    }
    Ok(if unknown.is_empty() { Exit::Success } else { Exit::No })
}

/// An entry of ossec.conf.
struct Listed {
    /// `None`: a host name.
    net: Option<IpNet>,
    text: String,
    is_allowed: bool,
}

/// The white list of ossec.conf, and the errors that keep it from being read.
fn of_configuration(common: &Common) -> (Vec<Listed>, Vec<Diagnostic>) {
    let loaded = config::load(&common.load_options(false));
    let Some(config) = loaded.config else { return (Vec::new(), loaded.diagnostics) };
    let nets = config.respond.never_block.iter().map(|(net, says)| {
        let is_allowed = *says == NeverBlock::Protect;
        let text = format!("{}{}", if is_allowed { "" } else { "!" }, shown(net));
        Listed { net: Some(*net), text, is_allowed }
    });
    let names = config.respond.never_block_names.iter();
    let names = names.map(|name| Listed { net: None, text: name.clone(), is_allowed: true });
    (nets.chain(names).collect(), Vec::new())
}

fn list(common: &Common) -> anyhow::Result<Exit> {
    let path = path_of(&config::locate(&common.load_options(false)).config_file);
    let list = read(&path)?;
    let (others, errors) = of_configuration(common);
    if !errors.is_empty() {
        messages::note("the configuration has errors, so its <white_list> is not shown (hidsctl check)");
    }
    let own = list.entries().map(|entry| (shown(&entry.net), "allow.list", true, entry.comment.as_deref()));
    let entries: Vec<_> =
        own.chain(others.iter().map(|other| (other.text.clone(), "ossec.conf", other.is_allowed, None))).collect();
    if common.json {
        let entries: Vec<Value> = entries
            .iter()
            .map(|(text, origin, is_allowed, comment)| {
                json!({
                    "network": text.trim_start_matches('!'), "origin": origin, "allowed": is_allowed, "comment": comment,
                })
            })
            .collect();
        output::print_json(&json!({ "file": path, "entries": entries }))?;
    } else if entries.is_empty() {
        output::print("no entries; the addresses of this host, its gateways and name servers are never blocked\n")?;
    } else {
        let rows: Vec<Vec<String>> = entries
            .iter()
            .map(|(text, origin, _, comment)| {
                vec![screen::cell(text), (*origin).to_owned(), screen::cell(comment.unwrap_or("-"))]
            })
            .collect();
        output::print(&table::table(&["NETWORK", "ORIGIN", "COMMENT"], &rows))?;
    }
    Ok(if errors.is_empty() { Exit::Success } else { Exit::No })
}

/// The list, locked against another `hidsctl` that changes it.
struct ListFile {
    path: PathBuf,
    list: AllowList,
    _lock: File,
}

impl ListFile {
    fn open(common: &Common) -> anyhow::Result<Self> {
        let path = path_of(&config::locate(&common.load_options(false)).config_file);
        let directory = path.parent().unwrap_or(Path::new("/"));
        let lock = File::open(directory).with_context(|| format!("cannot open {}", directory.display()))?;
        rustix::fs::flock(&lock, FlockOperation::LockExclusive)
            .map_err(io::Error::from)
            .with_context(|| format!("cannot lock {}", directory.display()))?;
        let list = read(&path)?;
        Ok(Self { path, list, _lock: lock })
    }

    /// Writes it, and lets a daemon that runs take it up.
    fn write(&self, common: &Common) -> anyhow::Result<Effect> {
        atomic_file::replace_content(&self.path, FILE_MODE, self.list.render().as_bytes())
            .with_context(|| format!("cannot write {}", self.path.display()))?;
        match ask(common, &Request::AllowReload) {
            Ok(_) => Ok(Effect::Now),
            Err(error) if matches!(error.downcast_ref(), Some(ClientError::NotRunning { .. })) => Ok(Effect::AtStart),
            Err(error) => {
                Err(error.context(format!("{} is written, but hidsd does not use it yet", self.path.display())))
            }
        }
    }
}

fn read(path: &Path) -> anyhow::Result<AllowList> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let list = AllowList::parse(&text);
    if let Some((line, why)) = list.first_mistake() {
        let why = output::visible(why.as_bytes());
        bail!("{}:{line}: {why}; correct or remove this line first", path.display());
    }
    Ok(list)
}

/// When a change counts.
#[derive(Clone, Copy)]
enum Effect {
    Nothing,
    Now,
    AtStart,
}

impl Effect {
    fn of_addition(self) -> &'static str {
        match self {
            Self::Nothing | Self::Now => " from now on; existing blocks have ended",
            Self::AtStart => " once hidsd runs (it is not running)",
        }
    }

    fn of_removal(self) -> &'static str {
        match self {
            Self::Nothing | Self::Now => "",
            Self::AtStart => " once hidsd runs (it is not running)",
        }
    }

    fn json(self) -> &'static str {
        match self {
            Self::Nothing => "unchanged",
            Self::Now => "now",
            Self::AtStart => "at_start",
        }
    }
}

/// An address without the prefix that says that it is one.
fn shown(net: &IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
}

fn texts(nets: &[IpNet]) -> Vec<String> {
    nets.iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_and_mistakes_explained() {
        assert_eq!(network("203.0.113.5").map(|net| net.to_string()), Ok("203.0.113.5/32".into()));
        assert_eq!(network("::ffff:203.0.113.5").map(|net| shown(&net)), Ok("203.0.113.5".into()));
        assert_eq!(network("2001:db8::/32").map(|net| shown(&net)), Ok("2001:db8::/32".into()));
        let why = network("203.0.113.5/24").expect_err("bits behind the prefix");
        assert!(why.contains("203.0.113.0/24 or 203.0.113.5"), "{why}");
        assert!(network("office.example").is_err() && network("203.0.113.0/33").is_err() && network("").is_err());
        assert!(comment("a\nb").is_err() && comment(&"x".repeat(501)).is_err());
    }

    #[test]
    fn what_is_protected_anyway_and_what_is_too_wide_is_refused() {
        let refusal = |text: &str, force| refusal(&network(text).expect("a network"), force);
        for text in ["127.0.0.1", "127.0.0.0/8", "::1", "224.0.0.0/4", "0.0.0.0"] {
            assert!(refusal(text, true).is_some_and(|why| why.contains("in any case")), "{text}");
        }
        for text in ["0.0.0.0/0", "::/0", "10.0.0.0/7", "2001::/16"] {
            assert!(refusal(text, false).is_some_and(|why| why.contains("--force")), "{text}");
            assert_eq!(refusal(text, true), None, "{text}");
        }
        for text in ["10.0.0.0/8", "203.0.113.5", "2001:db8::/32"] {
            assert_eq!(refusal(text, false), None, "{text}");
        }
    }
}
