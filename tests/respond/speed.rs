//! Figures: `cargo test -p hids-tests --release --test respond -- --ignored --nocapture speed`.

use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use hids_core::model::Timestamp;
use hids_core::respond::Block;
use hids_userspace::respond::{Entry, Ledger, Request};
use hids_userspace::sys::netlink::{Bus, NetlinkSocket};
use rustix::event::{PollFd, PollFlags, poll};

use super::fixture::{Place, alert};
use super::network::{alone, run};

fn address(number: u32) -> IpAddr {
    Ipv4Addr::from(0x0b00_0000 + number).into()
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    Timestamp::from_unix_nanos(since.as_nanos() as i64)
}

/// Writes a ledger of `count` blocks with 1,000 s left.
pub(crate) fn write_ledger(place: &Place, count: u32) {
    let (mut ledger, _) = Ledger::open(&place.path().join("respond")).expect("a ledger");
    let block = |number| Block {
        address: address(number),
        since: now(),
        updated: now(),
        expires: Some(now().plus(Duration::from_secs(1000))),
        offence: 1,
        alert: "1795558167.15".parse().ok(),
        rule: Some(hids_core::model::RuleId(5712)),
        response: "firewall-drop".into(),
        reason: "many wrong passwords".into(),
    };
    let entries: Vec<_> = (0..count).map(|number| Entry::Block(block(number))).collect();
    ledger.append(&entries).expect("written");
}

#[test]
fn a_thousand_blocks_come_back_in_one_go() {
    alone(|| {
        let place = Place::new();
        write_ledger(&place, 1000);
        let responder = place.start(60);
        assert_eq!(responder.report().active, 1000);
        assert_eq!(responder.list().iter().filter(|view| view.packets.is_some()).count(), 1000);
    });
}

#[test]
#[ignore = "prints figures"]
fn speed_of_restoring_100_000_blocks() {
    alone(|| {
        let place = Place::new();
        write_ledger(&place, 100_000);
        let start = Instant::now();
        let responder = place.start(60);
        println!("restore 100,000 blocks: {:?} (file read, kernel written)", start.elapsed());
        assert_eq!(responder.report().active, 100_000);
        let start = Instant::now();
        run("nft", &["flush", "ruleset"]);
        let flushed = start.elapsed();
        while responder.report().repairs == 0 {}
        println!("flush ruleset: {flushed:?}, everything back after {:?}", start.elapsed());
        drop(responder);
        let start = Instant::now();
        let responder = place.start(60);
        println!("restart over 100,000 blocks in the kernel: {:?}", start.elapsed());
        latency("one block beside 100,000", &responder);
    });
}

#[test]
#[ignore = "prints figures"]
fn speed_of_one_block() {
    alone(|| {
        let place = Place::new();
        let responder = place.start(60);
        latency("one block", &responder);
        let start = Instant::now();
        for number in 0..20_000 {
            responder.send(Request::Alert(alert(&address(50_000 + number).to_string())));
        }
        responder.report();
        println!("20,000 alerts in a row: {:?}", start.elapsed());
    });
}

/// From sending the alert to the kernel's notification that the element is there.
fn latency(what: &str, responder: &super::fixture::Responder) {
    let socket = NetlinkSocket::open(Bus::Netfilter, 1 << 6).expect("notifications");
    let mut buffer = vec![0; 1 << 16];
    let mut times: Vec<Duration> = (0..2000)
        .map(|number| {
            while !matches!(socket.try_receive(&mut buffer), Ok(None)) {}
            let alert = alert(&Ipv4Addr::from(0x0c00_0000 + number).to_string());
            std::thread::sleep(Duration::from_micros(500));
            let start = Instant::now();
            responder.send(Request::Alert(alert));
            poll(&mut [PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN)], None).expect("notified");
            start.elapsed()
        })
        .collect();
    times.sort();
    let at = |part: usize| times[times.len() * part / 1000];
    println!("{what}: median {:?}, p99 {:?}, p99.9 {:?}", at(500), at(990), at(999));
}
