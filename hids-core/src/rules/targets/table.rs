//! The targets of one rule, each with the networks that failed there; or its sources, each with the accounts.
//!
//! Names of targets are the attackers' choice. When there is no room, those go that the fewest networks tried,
//! and of them first those of the network that tried the most names: who floods with names pushes out his own.

use std::collections::HashMap;
use std::net::IpAddr;

use super::network::Network;
use super::rule::{Counts, MOST_NETWORKS, TargetRule};
use crate::model::{AttackedTarget, MOST_SOURCES_NAMED};

/// Most targets of a rule.
const MOST_TARGETS: usize = 4096;
/// Most networks of all of them.
const MOST_NETWORKS_OF_ALL: usize = 65_536;
/// Networks of one wide network that count: a telephone changes its address within its provider's.
const COUNTED_OF_WIDE: usize = 3;
/// How many times as many networks as usual make an attack where some are usual.
const TIMES_USUAL: f32 = 4.0;
/// Of how many time frames the usual number is the average.
const AVERAGED: f32 = 8.0;

/// All targets of a rule.
#[derive(Debug, Default)]
pub(super) struct Table {
    targets: HashMap<Box<[u8]>, Target>,
    networks: usize,
    /// Targets that went for lack of room.
    pub forgotten: u64,
}

#[derive(Debug)]
struct Target {
    /// The networks of the time frame, the newest last.
    seen: Vec<Seen>,
    /// When the rule last fired.
    fired: Option<i64>,
    /// When the time frame began in which `in_frame` networks have come.
    frame: i64,
    in_frame: u32,
    /// How many networks come in a time frame, on average.
    usual: f32,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    network: Network,
    address: IpAddr,
    last: i64,
}

impl Table {
    /// Counts a failure of `network` at the target; the target, if this makes an attack of it.
    pub(super) fn count(
        &mut self,
        rule: &TargetRule,
        key: &[u8],
        network: Network,
        address: IpAddr,
        now: i64,
    ) -> Option<Option<AttackedTarget>> {
        if !self.targets.contains_key(key) {
            if self.targets.len() >= MOST_TARGETS {
                self.make_room(rule, now);
            }
            let target = Target { seen: Vec::new(), fired: None, frame: now, in_frame: 0, usual: 0.0 };
            self.targets.insert(key.into(), target);
        }
        let target = self.targets.get_mut(key)?;
        let before = target.seen.len();
        target.add(Seen { network, address, last: now }, rule);
        self.networks = (self.networks + target.seen.len()).saturating_sub(before);
        let fires = target.is_attacked(rule, now);
        let found = fires.then(|| target.report(rule, key));
        if fires {
            target.fired = Some(now);
        }
        if self.networks > MOST_NETWORKS_OF_ALL {
            self.make_room(rule, now);
        }
        found
    }

    /// The target, if the rule fired about it not long ago.
    pub(super) fn attacked(&self, rule: &TargetRule, key: &[u8], now: i64) -> Option<Option<AttackedTarget>> {
        let target = self.targets.get(key)?;
        target.fired.filter(|fired| (now - fired).abs() < rule.attack_seconds())?;
        Some(target.report(rule, key))
    }

    /// Forgets what has ended, then a quarter of the targets if need be.
    fn make_room(&mut self, rule: &TargetRule, now: i64) {
        let timeframe = i64::from(rule.timeframe_seconds);
        self.targets.retain(|_, target| {
            target.end_frames(timeframe, now);
            target.seen.retain(|seen| (now - seen.last).abs() <= timeframe);
            let is_silenced = target.fired.is_some_and(|fired| (now - fired).abs() < rule.attack_seconds());
            is_silenced || !target.seen.is_empty() || target.usual >= 1.0
        });
        let networks = |targets: &HashMap<Box<[u8]>, Target>| targets.values().map(|target| target.seen.len()).sum();
        self.networks = networks(&self.targets);
        if self.targets.len() * 4 <= MOST_TARGETS * 3 && self.networks * 4 <= MOST_NETWORKS_OF_ALL * 3 {
            return;
        }
        let mut names_of: HashMap<Network, u32> = HashMap::new();
        for target in self.targets.values().filter(|target| target.seen.len() == 1) {
            *names_of.entry(target.seen[0].network).or_default() += 1;
        }
        let rank = |target: &Target| {
            let crowd = target.seen.last().and_then(|seen| names_of.get(&seen.network)).copied().unwrap_or(0);
            let last = target.seen.last().map_or(i64::MIN, |seen| seen.last);
            (target.fired.is_some(), target.seen.len(), u32::MAX - crowd, last)
        };
        let mut ranks: Vec<_> = self.targets.values().map(rank).collect();
        let quarter = ranks.len() / 4;
        let (_, &mut limit, _) = ranks.select_nth_unstable(quarter);
        let before = self.targets.len();
        // Those of the same rank all go, or a flood in one second would stay.
        self.targets.retain(|_, target| rank(target) > limit);
        self.forgotten += (before - self.targets.len()) as u64;
        self.networks = networks(&self.targets);
    }
}

impl Target {
    fn add(&mut self, new: Seen, rule: &TargetRule) {
        let (now, timeframe) = (new.last, i64::from(rule.timeframe_seconds));
        self.end_frames(timeframe, now);
        // What comes from a future that a clock set back has undone does not count either.
        self.seen.retain(|seen| (now - seen.last).abs() <= timeframe);
        if let Some(at) = self.seen.iter().position(|seen| seen.network == new.network) {
            self.seen.remove(at);
        } else {
            let wide = new.network.wide();
            let of_wide = |seen: &&Seen| seen.network.wide() == wide;
            let is_network = rule.counts != Counts::AccountsOfSource;
            if is_network && self.seen.iter().filter(of_wide).count() >= COUNTED_OF_WIDE {
                let oldest = self.seen.iter().position(|seen| seen.network.wide() == wide);
                oldest.map(|at| self.seen.remove(at));
            } else {
                self.in_frame = self.in_frame.saturating_add(1);
                if self.seen.len() >= MOST_NETWORKS as usize {
                    self.seen.remove(0);
                }
            }
        }
        self.seen.push(new);
    }

    /// Takes the time frames that have ended into the average.
    fn end_frames(&mut self, timeframe: i64, now: i64) {
        let timeframe = timeframe.max(1);
        if now < self.frame {
            self.frame = now;
        }
        let ended = (now - self.frame) / timeframe;
        if ended == 0 {
            return;
        }
        self.usual += (self.in_frame as f32 - self.usual) / AVERAGED;
        // Frames in which nobody came; after so many nothing is left.
        for _ in 1..ended.min(64) {
            self.usual -= self.usual / AVERAGED;
        }
        self.frame += ended * timeframe;
        self.in_frame = 0;
    }

    fn is_attacked(&self, rule: &TargetRule, now: i64) -> bool {
        let is_silent = self.fired.is_some_and(|fired| (now - fired).abs() < i64::from(rule.silent_seconds));
        let is_unusual = match rule.counts {
            Counts::NetworksOf(_) => self.seen.len() as f32 >= self.usual * TIMES_USUAL,
            Counts::AccountsOfSource => true,
        };
        !is_silent && self.seen.len() >= rule.wanted as usize && is_unusual
    }

    /// What alerts say; of a source nothing that they do not say anyway.
    fn report(&self, rule: &TargetRule, key: &[u8]) -> Option<AttackedTarget> {
        let Counts::NetworksOf(kind) = rule.counts else { return None };
        Some(AttackedTarget {
            kind,
            name: key.to_vec(),
            networks: self.seen.len() as u32,
            seconds: rule.timeframe_seconds,
            sources: self.seen.iter().rev().take(MOST_SOURCES_NAMED).map(|seen| seen.address).collect(),
        })
    }
}
