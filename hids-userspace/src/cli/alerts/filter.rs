//! Which alerts a command is about.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use hids_core::model::{Level, RuleId, Timestamp};
use ipnet::IpNet;
use jiff::tz::TimeZone;

use crate::cli::exit::WrongUsage;
use crate::cli::{complete, times};
use crate::record::{AlertQuery, Filters};

/// Options that choose alerts; those that can be repeated take any of their values.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Filters")]
pub(super) struct FilterArgs {
    /// Show only alerts of this level or higher
    #[arg(short, long, value_name = "N", global = true)]
    level: Option<u16>,
    /// Show only alerts with this source address or network (can be repeated)
    #[arg(long, value_name = "ADDRESS|NETWORK", value_parser = network, global = true)]
    ip: Vec<IpNet>,
    /// Show only alerts of these rules
    #[arg(long, value_name = "ID[,ID]", value_delimiter = ',', global = true, add = complete::rules())]
    rule: Vec<u32>,
    /// Show only alerts of this group (can be repeated)
    #[arg(short, long, value_name = "NAME", global = true, add = complete::groups())]
    group: Vec<String>,
    /// Show only alerts about this user (can be repeated)
    #[arg(long, value_name = "NAME", global = true)]
    user: Vec<String>,
    /// Show only alerts about this file, or files below this directory (can be repeated)
    #[arg(long, value_name = "PATH", global = true)]
    file: Vec<PathBuf>,
    /// Show only alerts whose location contains TEXT (can be repeated)
    #[arg(long, value_name = "TEXT", global = true)]
    location: Vec<String>,
    /// Show alerts since TIME: `30m`, `2 hours ago`, `16:00`, `yesterday`, `2026-11-24` or `2026-11-24T10:00:00`
    /// [default: midnight]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, global = true)]
    since: Option<String>,
    /// Show alerts until TIME, in the same formats
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, global = true)]
    until: Option<String>,
    /// Show only the newest N alerts, also of earlier days; with `top`, rows of each table
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), global = true)]
    limit: Option<u32>,
}

impl FilterArgs {
    /// The alerts below `logs`; without a beginning unless one was given.
    pub(super) fn query(&self, logs: PathBuf, now: Timestamp, zone: &TimeZone) -> anyhow::Result<AlertQuery> {
        let moment = |text: &Option<String>| {
            text.as_deref().map(|text| times::parse_moment(text, now, zone)).transpose().context(WrongUsage)
        };
        let filters = Filters {
            level: Level(self.level.unwrap_or(0)),
            sources: self.ip.clone(),
            rules: self.rule.iter().map(|&id| RuleId(id)).collect(),
            groups: self.group.clone(),
            users: self.user.clone(),
            files: self.file.iter().map(|file| recorded(file)).collect(),
            locations: self.location.clone(),
        };
        Ok(AlertQuery { logs, zone: zone.clone(), since: moment(&self.since)?, until: moment(&self.until)?, filters })
    }

    /// `--limit`.
    pub(super) fn limit(&self) -> Option<usize> {
        self.limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("expected an IP address (203.0.113.5) or a network (203.0.113.0/24)")]
pub(in crate::cli) struct NoNetwork;

/// An address, which is a network of one, or a network.
pub(in crate::cli) fn network(text: &str) -> Result<IpNet, NoNetwork> {
    match text.parse::<IpAddr>() {
        Ok(address) => Ok(address.to_canonical().into()),
        Err(_) => text.parse().map_err(|_| NoNetwork),
    }
}

/// A path as alerts.json has it.
pub(in crate::cli) fn recorded(path: &Path) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn addresses_are_networks_of_one() {
        let shown = |text| network(text).map(|net| net.to_string()).ok();
        assert_eq!(shown("203.0.113.5").as_deref(), Some("203.0.113.5/32"));
        assert_eq!(shown("::ffff:203.0.113.5").as_deref(), Some("203.0.113.5/32"));
        assert_eq!(shown("2001:db8::/32").as_deref(), Some("2001:db8::/32"));
        assert_eq!(shown("203.0.113"), None);
        assert_eq!(shown("host.example"), None);
    }

    #[test]
    fn paths_that_are_not_text_are_found_as_they_are_recorded() {
        assert_eq!(recorded(Path::new(OsStr::from_bytes(b"/etc/a\xff\n"))), "/etc/a\\xff\n");
    }

    #[test]
    fn wrong_times_are_wrong_usage() {
        let args = FilterArgs { since: Some("5x".into()), ..FilterArgs::default() };
        let error = args.query(PathBuf::new(), Timestamp::default(), &TimeZone::UTC).expect_err("no time");
        assert!(error.is::<WrongUsage>() && format!("{error:#}").contains("\"5x\""), "{error:#}");
    }
}
