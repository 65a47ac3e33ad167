//! Requests are answered during a flood of blocks, and lists of any length are paged.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hids_tests::wait;
use hids_userspace::respond::{MOST_PER_PAGE, Page, Request};

use super::fixture::{Place, alert};
use super::network::{alone, run};
use super::speed::write_ledger;

/// A question waits for what was queued before it: at most as many alerts as the channel holds.
const SOON: Duration = Duration::from_secs(5);

#[test]
fn status_list_and_why_are_answered_during_a_flood_of_blocks() {
    // M5
    alone(|| {
        let place = Place::new();
        let responder = place.start(600);
        let (sender, is_over) = (responder.sender(), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut number = 0;
                // Every place in the channel is taken all the time.
                while !is_over.load(Ordering::Relaxed) {
                    let source = Ipv4Addr::from(0x0b00_0000 + number);
                    let _ = sender.send(Request::Alert(alert(&source.to_string())));
                    number += 1;
                }
            });
            let _over = wait::SetOnDrop(&is_over);
            wait::until("the flood", wait::PATIENCE, || responder.published().blocked > 2000).expect("blocks");
            for _ in 0..10 {
                let before = responder.published().blocked;
                let start = Instant::now();
                let report = responder.question(Request::Report);
                let page = responder.question(|reply| Request::List(Page::default(), reply));
                let address: IpAddr = "11.0.0.1".parse().expect("an address");
                let why = responder.question(|reply| Request::Why { address, reply });
                assert!(start.elapsed() < wait::bound(SOON * 3), "took {:?}", start.elapsed());
                assert!(report.blocked >= before && page.total >= report.blocked);
                assert!(why.block.is_some() && page.blocks.len() <= MOST_PER_PAGE);
            }
        });
    });
}

#[test]
fn a_list_comes_in_pages_with_the_counters_of_each_address() {
    // M5
    alone(|| {
        let place = Place::new();
        write_ledger(&place, 25_000);
        let responder = place.start(60);
        responder.alert("2001:db8::1");
        let (mut after, mut found) = (None, Vec::new());
        loop {
            let page = responder.page(Page { after, most: None });
            assert!(page.blocks.len() <= MOST_PER_PAGE);
            assert_eq!(page.total, 25_001);
            assert!(page.blocks.iter().all(|view| view.active && view.packets == Some(0)), "counters are missing");
            found.extend(page.blocks.into_iter().map(|view| view.address));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found.len(), 25_001);
        assert!(found.is_sorted());
        let two = responder.page(Page { after: Some(found[10]), most: Some(2) });
        assert_eq!(two.blocks.iter().map(|view| view.address).collect::<Vec<_>>(), found[11..13]);
        // One that is not in the kernel costs only its own counters.
        run("nft", &["delete", "element", "inet", "hids", "blocked4", "{ 11.0.0.1 }"]);
        let first = responder.page(Page { after: None, most: Some(3) });
        assert!(first.blocks[2].packets.is_some());
    });
}
