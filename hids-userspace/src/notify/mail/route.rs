//! Recipients and urgency of an alert.

use lettre::Address;

use crate::config::MailConfig;
use crate::notify::criteria::{Criteria, CriteriaError, Subject};
use crate::notify::spool::MailEntry;

/// The mail stage cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MailError {
    /// An address is not one.
    #[error("<{element}> is not a mail address: {address:?}")]
    Address {
        /// The element.
        element: &'static str,
        /// Its text.
        address: String,
    },
    /// There is nobody to mail to.
    #[error("mail is enabled, but <email_to> is missing")]
    NoRecipient,
    /// A pattern of `<email_alerts>` cannot be used.
    #[error(transparent)]
    Criteria(#[from] CriteriaError),
    /// The thread cannot be started.
    #[error("cannot start the mail thread")]
    Thread(#[source] std::io::Error),
}

/// Checked addresses and granular recipients.
#[derive(Debug)]
pub(super) struct Routes {
    pub from: Address,
    pub reply_to: Option<Address>,
    /// `<email_to>` of `<global>`: get every mail.
    pub global: Vec<Address>,
    granular: Vec<Granular>,
}

#[derive(Debug)]
struct Granular {
    to: Address,
    criteria: Criteria,
    do_not_delay: bool,
    do_not_group: bool,
}

/// What the granular recipients want of an alert.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Route {
    /// Which of them get it.
    pub granular: Vec<usize>,
    /// Send at once.
    pub at_once: bool,
    /// In a mail of its own.
    pub alone: bool,
}

/// One mail of a group of alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub recipients: Vec<Address>,
    /// Which of the group, by their place in it.
    pub alerts: Vec<usize>,
}

impl Routes {
    pub(super) fn new(config: &MailConfig) -> Result<Self, MailError> {
        let global = config.to.iter().map(|to| address("email_to", to)).collect::<Result<Vec<_>, _>>()?;
        if global.is_empty() {
            return Err(MailError::NoRecipient);
        }
        let mut granular = Vec::new();
        for section in &config.granular {
            let (group, location) = (section.group.as_deref(), section.location.as_deref());
            granular.push(Granular {
                to: address("email_to", &section.to)?,
                criteria: Criteria::new(section.level, &section.rules, group, location)?,
                do_not_delay: section.do_not_delay,
                do_not_group: section.do_not_group,
            });
        }
        let reply_to = config.reply_to.as_deref().map(|text| address("email_reply_to", text)).transpose()?;
        Ok(Self { from: address("email_from", &config.from)?, reply_to, global, granular })
    }

    /// Which granular recipients get `entry`: who wants any of the alerts that it stands for. A section
    /// without any criterion never matches (`src/os_maild/os_maild_client.c`).
    pub(super) fn route(&self, entry: &MailEntry) -> Route {
        let first = Subject { level: entry.level, rule: entry.rule, group: &entry.group, location: &entry.location };
        let others = entry.others.iter().map(|other| Subject {
            level: other.level,
            rule: other.rule,
            group: &other.group,
            location: &other.location,
        });
        let subjects: Vec<Subject<'_>> = std::iter::once(first).chain(others).collect();
        let mut route = Route::default();
        for (number, granular) in self.granular.iter().enumerate() {
            if !granular.criteria.is_empty() && subjects.iter().any(|subject| granular.criteria.hold(*subject)) {
                route.granular.push(number);
                route.at_once |= granular.do_not_delay;
                route.alone |= granular.do_not_group;
            }
        }
        route
    }

    /// The mails about alerts with these routes: first the one for the global recipients, with all of
    /// them; then for each set of alerts that other recipients want one with only those.
    pub(super) fn parts(&self, routes: &[&Route]) -> Vec<Part> {
        let mut parts = vec![Part { recipients: self.global.clone(), alerts: (0..routes.len()).collect() }];
        for granular in &self.granular {
            if parts.iter().any(|part| part.recipients.contains(&granular.to)) {
                continue;
            }
            let wants = |route: &Route| route.granular.iter().any(|&number| self.granular[number].to == granular.to);
            let alerts: Vec<usize> = (0..routes.len()).filter(|&index| wants(routes[index])).collect();
            match parts.iter_mut().find(|part| part.alerts == alerts) {
                _ if alerts.is_empty() => {}
                Some(part) => part.recipients.push(granular.to.clone()),
                None => parts.push(Part { recipients: vec![granular.to.clone()], alerts }),
            }
        }
        parts
    }

    /// The recipients of a mail: all global ones first, then the granular ones, each once.
    pub(super) fn recipients<'a>(&self, routes: impl Iterator<Item = &'a Route>) -> Vec<Address> {
        let mut recipients = self.global.clone();
        let mut numbers: Vec<_> = routes.flat_map(|route| route.granular.iter().copied()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        for number in numbers {
            let to = &self.granular[number].to;
            if !recipients.contains(to) {
                recipients.push(to.clone());
            }
        }
        recipients
    }
}

fn address(element: &'static str, text: &str) -> Result<Address, MailError> {
    text.trim().parse().map_err(|_| MailError::Address { element, address: text.to_owned() })
}
