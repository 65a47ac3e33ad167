//! The jails of a configuration, with everything that holds for each.

use super::ini::{DEFAULT, Ini};
use crate::adopt::system::System;

/// Most files that are read.
const MOST_FILES: usize = 500;
/// Most jails.
const MOST_JAILS: usize = 500;

/// What holds for all jails, and the enabled ones.
#[derive(Debug, Default)]
pub(crate) struct Jails {
    /// `ignoreip` of `[DEFAULT]`.
    pub ignore: Vec<String>,
    /// `destemail`, where mail is one of the actions.
    pub mail_to: Option<String>,
    /// `sender`.
    pub mail_from: Option<String>,
    /// `bantime.increment` with its ban times in minutes from the second ban on.
    pub increment: Option<Vec<u64>>,
    /// Keys of `[DEFAULT]` that have no equivalent, with their values.
    pub other_keys: Vec<(String, String)>,
    /// The enabled jails.
    pub enabled: Vec<Jail>,
}

/// An enabled jail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Jail {
    /// Its name.
    pub name: String,
    /// The name of its filter, without options.
    pub filter: String,
    /// Failures before a ban.
    pub retries: Option<u64>,
    /// Seconds in which they are counted.
    pub find_time: Option<u64>,
    /// Seconds of a ban; none: for ever.
    pub ban_time: Option<BanTime>,
    /// Log files.
    pub logs: Vec<String>,
    /// Keys of its own that have no equivalent, with their values.
    pub other_keys: Vec<(String, String)>,
}

/// How long a ban lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BanTime {
    /// Seconds.
    Seconds(u64),
    /// For ever.
    Permanent,
}

/// Keys that change what a jail does and have no equivalent.
const OTHER_KEYS: [&str; 4] = ["ignorecommand", "ignoreself", "ignorecache", "banaction"];
/// Values of these keys that mean what hids does anyway.
const USUAL: [(&str, &str); 4] =
    [("ignoreself", "true"), ("ignoreself", "yes"), ("ignorecommand", ""), ("ignorecache", "")];

/// Reads `jail.conf`, `jail.d/*.conf`, `jail.local` and `jail.d/*.local`, in this order; `None` if there is none.
pub(crate) fn read(system: &System, directory: &str) -> Option<Jails> {
    let directory = directory.trim_end_matches('/');
    let mut ini = Ini::default();
    let mut found = false;
    let folder = |end: &str| system.glob(&format!("{directory}/jail.d/*.{end}"));
    let names = [format!("{directory}/jail.conf")]
        .into_iter()
        .chain(folder("conf"))
        .chain([format!("{directory}/jail.local")])
        .chain(folder("local"));
    for name in names.take(MOST_FILES) {
        let Some(text) = system.read_text(&name) else { continue };
        read_with_included(system, directory, &text, &mut ini);
        found = true;
    }
    found.then(|| jails(&ini))
}

/// `[INCLUDES]`: `before` is read before the file, `after` behind it. They define names of log files.
fn read_with_included(system: &System, directory: &str, text: &str, ini: &mut Ini) {
    let mut own = Ini::default();
    own.read(text);
    let included = |key: &str| own.raw("INCLUDES", key).unwrap_or_default().to_owned();
    let read = |names: &str, ini: &mut Ini| {
        for name in names.split_whitespace().take(10).filter(|name| !name.contains('/')) {
            // paths-debian.conf includes paths-common.conf itself.
            let Some(text) = system.read_text(&format!("{directory}/{name}")) else { continue };
            let mut inner = Ini::default();
            inner.read(&text);
            let deeper = ["before", "after"].map(|key| inner.raw("INCLUDES", key).unwrap_or_default().to_owned());
            for name in deeper[0].split_whitespace().take(10).filter(|name| !name.contains('/')) {
                ini.read(&system.read_text(&format!("{directory}/{name}")).unwrap_or_default());
            }
            ini.read(&text);
            for name in deeper[1].split_whitespace().take(10).filter(|name| !name.contains('/')) {
                ini.read(&system.read_text(&format!("{directory}/{name}")).unwrap_or_default());
            }
        }
    };
    read(&included("before"), ini);
    ini.read(text);
    read(&included("after"), ini);
}

fn jails(ini: &Ini) -> Jails {
    let value = |key: &str| ini.value(DEFAULT, key);
    let enabled: Vec<Jail> = ini
        .names()
        .filter(|name| is_on(ini.value(name, "enabled").as_deref()))
        .take(MOST_JAILS)
        .map(|name| jail(ini, name))
        .collect();
    // The actions that send mail are action_mw, action_mwl and those whose name says so.
    let mails = |section: &str| {
        ini.raw(section, "action").is_some_and(|action| action.contains("action_m") || action.contains("mail"))
    };
    let any_mails = mails(DEFAULT) || enabled.iter().any(|jail| mails(&jail.name));
    Jails {
        ignore: list(&value("ignoreip").unwrap_or_default()),
        mail_to: value("destemail").filter(|_| any_mails),
        mail_from: value("sender").filter(|_| any_mails),
        increment: is_on(value("bantime.increment").as_deref()).then(|| increments(ini)),
        other_keys: other_keys(ini, DEFAULT),
        enabled,
    }
}

fn jail(ini: &Ini, name: &str) -> Jail {
    let value = |key: &str| ini.value(name, key);
    let filter = value("filter").unwrap_or_else(|| name.to_owned());
    let mut other_keys = other_keys(ini, name);
    if ini.is_own(name, "ignoreip") {
        other_keys.push(("ignoreip".into(), value("ignoreip").unwrap_or_default()));
    }
    Jail {
        name: name.to_owned(),
        filter: filter.split(['[', '\n']).next().unwrap_or_default().trim().to_owned(),
        retries: value("maxretry").and_then(|text| text.trim().parse().ok()),
        find_time: value("findtime").and_then(|text| seconds(&text)),
        ban_time: value("bantime").and_then(|text| ban_time(&text)),
        logs: value("logpath").map(|text| list(&text)).unwrap_or_default(),
        other_keys,
    }
}

fn other_keys(ini: &Ini, section: &str) -> Vec<(String, String)> {
    let keys = OTHER_KEYS.iter().filter(|key| **key != "banaction" && ini.is_own(section, key));
    let pairs = keys.map(|key| ((*key).to_owned(), ini.value(section, key).unwrap_or_default()));
    pairs.filter(|(key, value)| !USUAL.contains(&(key.as_str(), value.trim()))).collect()
}

fn list(text: &str) -> Vec<String> {
    text.split(|char: char| char == ',' || char.is_whitespace())
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

fn is_on(value: Option<&str>) -> bool {
    value.is_some_and(|value| matches!(value.trim().to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "1"))
}

fn ban_time(text: &str) -> Option<BanTime> {
    if text.trim().starts_with('-') {
        return Some(BanTime::Permanent);
    }
    seconds(text).map(BanTime::Seconds)
}

/// Minutes of the second to sixth ban: `bantime.multipliers`, or doubled each time; `bantime.maxtime` bounds them.
fn increments(ini: &Ini) -> Vec<u64> {
    let value = |key: &str| ini.value(DEFAULT, key);
    let base = value("bantime").and_then(|text| seconds(&text)).unwrap_or(600);
    let factor = value("bantime.factor").and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(1);
    let most = value("bantime.maxtime").and_then(|text| seconds(&text)).unwrap_or(u64::MAX);
    let multipliers: Vec<u64> = value("bantime.multipliers")
        .map(|text| text.split_whitespace().filter_map(|number| number.parse().ok()).collect())
        .filter(|list: &Vec<u64>| list.len() > 1)
        .unwrap_or_else(|| vec![1, 2, 4, 8, 16, 32]);
    let minutes = |multiplier: &u64| {
        let seconds = base.saturating_mul(factor).saturating_mul(*multiplier).min(most);
        seconds.div_ceil(60).max(1)
    };
    multipliers.iter().skip(1).take(5).map(minutes).collect()
}

/// Seconds of a time as fail2ban writes it: `600`, `10m`, `1h 30m`, `1d12h`.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let text = text.trim();
    let mut total = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|char: char| !char.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest[..end].parse().ok()?;
        rest = rest[end..].trim_start();
        let end = rest.find(|char: char| !char.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "" | "s" | "ss" | "sec" | "secs" | "second" | "seconds" => 1,
            "m" | "mi" | "min" | "mins" | "minute" | "minutes" => 60,
            "h" | "ho" | "hour" | "hours" => 3600,
            "d" | "da" | "day" | "days" => 86_400,
            "w" | "we" | "week" | "weeks" => 604_800,
            "mo" | "mon" | "month" | "months" => 2_629_746,
            "y" | "ye" | "year" | "years" => 31_556_952,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(unit)?)?;
        rest = rest[end..].trim_start();
    }
    (!text.is_empty()).then_some(total)
}
