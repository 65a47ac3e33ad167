//! State that survives a restart, a crash and a full disk.

use std::io::Write as _;
use std::time::Duration;

use hids_tests::wait;
use hids_userspace::respond::Request;

use super::fixture::{Place, blocking};
use super::network::{Ear, FAR, FRIEND, NEAR, alone, new_mounts, run, with_cable};

#[test]
fn a_block_goes_on_over_a_restart_with_its_remaining_time() {
    with_cable(|far| {
        let (place, ear) = (Place::new(), Ear::on(NEAR));
        let responder = place.start(100);
        responder.alert(FAR);
        assert!(ear.hears_nothing(far, FAR));
        drop(responder);
        assert!(ear.hears_nothing(far, FAR), "the stop has removed the block");
        run("nft", &["flush", "ruleset"]);
        std::thread::sleep(Duration::from_millis(1100));
        let responder = place.start(100);
        assert!(ear.hears_nothing(far, FAR), "the block did not come back");
        let view = responder.block_of(FAR).expect("a block");
        assert!(view.active && view.remaining_seconds.is_some_and(|left| (90..=99).contains(&left)), "{view:?}");
        assert_eq!(view.description, "many wrong passwords");
    });
}

#[test]
fn a_block_whose_time_was_up_meanwhile_does_not_come_back() {
    with_cable(|far| {
        let (place, ear) = (Place::new(), Ear::on(NEAR));
        place.start(1).alert(FAR);
        std::thread::sleep(Duration::from_millis(1100));
        let responder = place.start(1);
        assert!(ear.hears(far, FAR));
        assert!(responder.list().is_empty());
        assert!(
            place
                .read("active-responses.log")
                .lines()
                .last()
                .is_some_and(|line| line.contains("firewall-drop.sh delete - 198.51.100.66 1795558167.15 5712"))
        );
    });
}

#[test]
fn a_line_cut_by_a_crash_costs_only_itself() {
    alone(|| {
        let place = Place::new();
        place.start(100).alert("203.0.113.1");
        let ledger = place.path().join("respond/blocks.log");
        let mut file = std::fs::OpenOptions::new().append(true).open(&ledger).expect("the ledger");
        file.write_all(b"00000000 {\"damaged\":1}\n0123abcd {\"blo").expect("written");
        place.start(100).alert("203.0.113.2");
        let responder = place.start(100);
        assert!(responder.block_of("203.0.113.1").is_some() && responder.block_of("203.0.113.2").is_some());
    });
}

#[test]
fn why_shows_chain_and_lines_and_the_end_after_a_restart() {
    alone(|| {
        let place = Place::new();
        let responder = place.start(100);
        responder.alert("203.0.113.1");
        let address = "203.0.113.1".parse().expect("an address");
        assert!(responder.ask(|reply| Request::Remove { address, reply }));
        drop(responder);
        let why = place.start(100).why("::ffff:203.0.113.1");
        let [blocked, ended] = &why.history[..] else { panic!("{why:?}") };
        assert_eq!(blocked.chain.iter().map(|step| step.id.0).collect::<Vec<_>>(), [5700, 5710, 5712]);
        assert_eq!(blocked.lines[0].text, "earlier line");
        assert_eq!(blocked.lines[1].text, "Nov 24 22:09:27 www1 sshd[7]: Failed password for root from \\x1b[2J");
        assert_eq!((ended.event.as_str(), ended.cause.as_deref()), ("ended", Some("removed by an administrator")));
        assert_eq!((why.offences, why.block), (1, None));
    });
}

#[test]
fn offences_are_counted_over_restarts() {
    alone(|| {
        let place = Place::new();
        let mut config = blocking(1);
        config.repeated_offenders = vec![Duration::from_secs(1800)];
        place.start_with(place.options(config.clone())).alert("203.0.113.1");
        std::thread::sleep(Duration::from_millis(1100));
        let responder = place.start_with(place.options(config));
        responder.alert("203.0.113.1");
        let view = responder.block_of("203.0.113.1").expect("a block");
        assert_eq!((view.offence, view.remaining_seconds.is_some_and(|left| left > 1700)), (2, true));
    });
}

#[test]
fn a_full_disk_costs_records_but_no_block_and_is_made_good() {
    with_cable(|far| {
        new_mounts();
        let (place, ear) = (Place::new(), Ear::on(NEAR));
        run("mount", &["-t", "tmpfs", "-o", "size=64k", "tmpfs", &place.path().to_string_lossy()]);
        let responder = place.start(1000);
        let filler = place.path().join("filler");
        let _ = std::fs::write(&filler, vec![0; 1 << 20]);
        responder.alert(FAR);
        // The page that the ledger already has may take some lines.
        for last in 0..60 {
            responder.alert(&format!("203.0.113.{last}"));
        }
        responder.alert(FRIEND);
        assert!(ear.hears_nothing(far, FRIEND), "not blocked");
        assert!(responder.report().ledger_trouble.is_some());
        std::fs::remove_file(&filler).expect("removed");
        wait::until("the ledger", wait::PATIENCE, || responder.report().ledger_trouble.is_none()).expect("made good");
        drop(responder);
        assert_eq!(place.start(1000).list().len(), 62);
    });
}
