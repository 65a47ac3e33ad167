//! Which recorded alerts are wanted.

use std::net::IpAddr;
use std::path::PathBuf;

use hids_core::model::{Level, RuleId, Timestamp};
use hids_core::paths;
use ipnet::IpNet;
use jiff::tz::TimeZone;

use super::recorded::RecordedAlert;

/// Which alerts are wanted, and where they are.
#[derive(Clone, Debug)]
pub(crate) struct AlertQuery {
    /// The directory `logs`.
    pub logs: PathBuf,
    /// Zone of the file names.
    pub zone: TimeZone,
    /// Not earlier than this.
    pub since: Option<Timestamp>,
    /// Not later than this.
    pub until: Option<Timestamp>,
    /// What they are about.
    pub filters: Filters,
}

impl AlertQuery {
    /// Whether `alert` is one of them.
    pub(crate) fn wants(&self, alert: &RecordedAlert) -> bool {
        self.since.is_none_or(|since| alert.time >= since)
            && self.until.is_none_or(|until| alert.time <= until)
            && self.filters.fit(alert)
    }
}

/// What wanted alerts are about. An empty list excludes nothing; of several values one has to fit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filters {
    /// At least this level.
    pub level: Level,
    /// The peer's address is in one of these.
    pub sources: Vec<IpNet>,
    /// Rules.
    pub rules: Vec<RuleId>,
    /// Names of groups.
    pub groups: Vec<String>,
    /// The user who acted or who was acted upon.
    pub users: Vec<String>,
    /// Files, and directories with all below them; see `Subject::file` of the alert.
    pub files: Vec<String>,
    /// Parts of the location.
    pub locations: Vec<String>,
}

impl Filters {
    /// Whether `alert` is one of them.
    pub(crate) fn fit(&self, alert: &RecordedAlert) -> bool {
        alert.level >= self.level
            && fits(&self.rules, |rule| alert.rule == *rule)
            && fits(&self.groups, |group| alert.group.split(',').any(|name| name.trim() == group))
            && fits(&self.users, |user| {
                [&alert.subject.srcuser, &alert.subject.dstuser].into_iter().flatten().any(|name| name == user)
            })
            && fits(&self.files, |wanted| {
                alert.subject.file.as_ref().is_some_and(|file| paths::holds(wanted.as_bytes(), file.as_bytes()))
            })
            && fits(&self.locations, |text| alert.location.contains(text.as_str()))
            && (self.sources.is_empty() || self.has_source(alert))
    }

    fn has_source(&self, alert: &RecordedAlert) -> bool {
        let address = alert.subject.srcip.as_deref().and_then(|text| text.parse::<IpAddr>().ok());
        address.is_some_and(|address| {
            let address = address.to_canonical();
            self.sources.iter().any(|network| network.contains(&address))
        })
    }
}

fn fits<T>(wanted: &[T], has: impl FnMut(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(has)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"rule":{"level":7,"comment":"c","sidid":550,"group":"ossec,syscheck,"},"id":"1795558167.1",
        "TimeStamp":1795558167000,"srcip":"::ffff:203.0.113.5","srcuser":"alice","dstuser":"root",
        "location":"/var/log/auth.log","full_log":"x","SyscheckFile":{"path":"/etc/ssh/sshd_config"},"count":3}"#;

    fn fits(filters: Filters) -> bool {
        let alert = RecordedAlert::from_json(LINE).expect("an alert");
        assert_eq!((alert.subject.user(), alert.count), (Some("root"), 3));
        filters.fit(&alert)
    }

    fn text(values: &[&str]) -> Vec<String> {
        values.iter().map(|&value| value.to_owned()).collect()
    }

    #[test]
    fn one_value_of_a_filter_has_to_fit_and_every_filter() {
        assert!(fits(Filters::default()));
        let nets = |values: &[&str]| values.iter().map(|net| net.parse().expect("a network")).collect();
        for (fitting, values) in [
            (true, &["203.0.113.0/24"][..]),
            (true, &["198.51.100.0/24", "203.0.113.5/32"]),
            (false, &["198.51.100.0/24", "2001:db8::/32"]),
        ] {
            assert_eq!(fits(Filters { sources: nets(values), ..Filters::default() }), fitting, "{values:?}");
        }
        for (fitting, files) in [(true, "/etc/ssh/"), (true, "/etc/ssh/sshd_config"), (false, "/etc/ss"), (true, "/")] {
            assert_eq!(fits(Filters { files: text(&[files]), ..Filters::default() }), fitting, "{files}");
        }
        assert!(fits(Filters { users: text(&["bob", "alice"]), ..Filters::default() }));
        assert!(!fits(Filters { users: text(&["bob"]), ..Filters::default() }));
        assert!(fits(Filters { groups: text(&["syscheck"]), rules: vec![RuleId(550)], ..Filters::default() }));
        assert!(!fits(Filters { groups: text(&["sysche"]), ..Filters::default() }));
        assert!(!fits(Filters { groups: text(&["syscheck"]), rules: vec![RuleId(551)], ..Filters::default() }));
        assert!(fits(Filters { locations: text(&["auth"]), level: Level(7), ..Filters::default() }));
        assert!(!fits(Filters { level: Level(8), ..Filters::default() }));
    }
}
