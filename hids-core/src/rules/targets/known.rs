//! Who logged in as whom: sources that do not count against the account, and are not blocked because of it.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::network::Network;
use crate::model::TargetKind;

/// For how long a login makes its network known: two weeks, so that whoever comes weekly stays known.
const KNOWN_SECONDS: i64 = 14 * 86_400;
/// A login is noted again after this long.
const NOTED_SECONDS: i64 = 86_400;
/// News is saved this often: on a busy host somebody logs in from a new network all the time.
const NEWS_SECONDS: i64 = 300;
/// Most networks of an account, so that whoever has one cannot push out what is known of others.
const MOST_OF_ACCOUNT: usize = 64;
/// Most networks of a service.
const MOST_OF_SERVICE: usize = 16_384;
/// Most networks of all.
const MOST: usize = 65_536;

/// What outlives a restart: kind and name, and the networks with the time of the last login.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SavedLogins(Vec<SavedName>);

type SavedName = (TargetKind, String, Vec<(Network, i64)>);

/// By name of the account or service, its networks with the second of the last login.
type Names = HashMap<Box<[u8]>, HashMap<Network, i64>>;

/// The networks known.
#[derive(Debug, Default)]
pub(super) struct Known {
    accounts: Names,
    services: Names,
    count: usize,
    /// When there last was news to save.
    told: i64,
    has_news: bool,
}

impl Known {
    pub(super) fn contains(&self, kind: TargetKind, key: &[u8], network: Network, now: i64) -> bool {
        let last = self.of(kind).and_then(|names| names.get(key)?.get(&network));
        last.is_some_and(|last| (now - last).abs() <= KNOWN_SECONDS)
    }

    /// Remembers a login; whether there is something to save.
    pub(super) fn add(&mut self, kind: TargetKind, key: &[u8], network: Network, now: i64) -> bool {
        self.has_news |= self.insert(kind, key, network, now);
        let tells = self.has_news && (now - self.told).abs() >= NEWS_SECONDS;
        if tells {
            (self.told, self.has_news) = (now, false);
        }
        tells
    }

    /// Whether the login was not known, or not noted for long.
    fn insert(&mut self, kind: TargetKind, key: &[u8], network: Network, now: i64) -> bool {
        let (names, most) = match kind {
            TargetKind::Account => (&mut self.accounts, MOST_OF_ACCOUNT),
            TargetKind::Service => (&mut self.services, MOST_OF_SERVICE),
            TargetKind::Path => return false,
        };
        if !names.contains_key(key) {
            names.insert(key.into(), HashMap::new());
        }
        let Some(networks) = names.get_mut(key) else { return false };
        if let Some(last) = networks.get_mut(&network) {
            let is_news = (now - *last).abs() >= NOTED_SECONDS;
            if is_news {
                *last = now;
            }
            return is_news;
        }
        if networks.len() >= most
            && let Some(oldest) = networks.iter().min_by_key(|(_, last)| **last).map(|(network, _)| *network)
        {
            networks.remove(&oldest);
            self.count -= 1;
        }
        networks.insert(network, now);
        self.count += 1;
        if self.count > MOST {
            self.forget_oldest();
        }
        true
    }

    fn of(&self, kind: TargetKind) -> Option<&Names> {
        match kind {
            TargetKind::Account => Some(&self.accounts),
            TargetKind::Service => Some(&self.services),
            TargetKind::Path => None,
        }
    }

    /// Forgets the older half.
    fn forget_oldest(&mut self) {
        let all = self.accounts.values().chain(self.services.values());
        let mut times: Vec<i64> = all.flat_map(|networks| networks.values().copied()).collect();
        let middle = times.len() / 2;
        let (_, &mut median, _) = times.select_nth_unstable(middle);
        for names in [&mut self.accounts, &mut self.services] {
            names.retain(|_, networks| {
                networks.retain(|_, last| *last > median);
                !networks.is_empty()
            });
        }
        let all = self.accounts.values().chain(self.services.values());
        self.count = all.map(HashMap::len).sum();
    }

    pub(super) fn save(&self) -> SavedLogins {
        let mut saved = Vec::new();
        for (kind, names) in [(TargetKind::Account, &self.accounts), (TargetKind::Service, &self.services)] {
            for (name, networks) in names {
                let mut networks: Vec<_> = networks.iter().map(|(network, last)| (*network, *last)).collect();
                networks.sort_unstable();
                saved.push((kind, String::from_utf8_lossy(name).into_owned(), networks));
            }
        }
        saved.sort_unstable();
        SavedLogins(saved)
    }

    pub(super) fn restore(&mut self, saved: &SavedLogins) {
        for (kind, name, networks) in &saved.0 {
            for (network, last) in networks {
                self.insert(*kind, name.as_bytes(), *network, *last);
            }
        }
    }
}
