//! Asks the responder what it has done, for mails.

use std::net::IpAddr;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};

use crate::contracts::standing::{Standing, Standings};
use crate::respond;

/// The responder's channel for questions, which it answers behind the alerts that came before them.
pub(super) struct AskResponder(pub Sender<respond::Request>);

impl std::fmt::Debug for AskResponder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AskResponder")
    }
}

impl Standings for AskResponder {
    fn ask(&self, addresses: Vec<IpAddr>, patience: Duration) -> Option<Vec<Standing>> {
        let (reply, answer) = bounded(1);
        self.0.try_send(respond::Request::Standings(addresses, reply)).ok()?;
        answer.recv_timeout(patience).ok()
    }
}
