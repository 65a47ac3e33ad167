//! Operation without nf_tables, and the final check before the kernel.

use hids_core::respond::{MachineAddresses, NeverBlockReason, ProtectedSet};
use hids_tests::wait;
use hids_userspace::respond::{Change, Element, Nft};
use hids_userspace::sys::nftables::Counted;
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

use super::fixture::Place;
use super::network::{Ear, FAR, FRIEND, NEAR, with_cable};

/// Takes the right to change the network from this thread and those it starts.
fn drop_network_rights() {
    let mut sets = capabilities(None).expect("capabilities");
    sets.effective.remove(CapabilitySet::NET_ADMIN);
    sets.permitted.remove(CapabilitySet::NET_ADMIN);
    sets.inheritable.remove(CapabilitySet::NET_ADMIN);
    set_capabilities(None, sets).expect("fewer capabilities");
}

#[test]
fn without_nf_tables_blocks_are_recorded_and_carried_out_once_it_is_there() {
    with_cable(|far| {
        let (place, ear) = (Place::new(), Ear::on(NEAR));
        let options = place.options(super::fixture::blocking(600));
        let path = place.path().to_path_buf();
        std::thread::scope(|scope| {
            let without = || {
                drop_network_rights();
                let responder = place.start_with(options);
                responder.alert(FAR);
                let report = responder.report();
                assert!(report.nftables_trouble.is_some(), "{report:?}");
                assert_eq!((report.blocked, report.active), (1, 0));
                assert!(responder.block_of(FAR).is_some_and(|view| !view.active));
            };
            scope.spawn(without).join().expect("no panic");
        });
        assert!(path.join("respond/blocks.log").exists());
        assert!(ear.hears(far, FAR));
        let responder = place.start(600);
        assert_eq!(responder.report().nftables_trouble, None);
        assert!(ear.hears_nothing(far, FAR));
    });
}

#[test]
fn an_unusable_state_directory_costs_no_block() {
    with_cable(|far| {
        let (place, ear) = (Place::new(), Ear::on(NEAR));
        // A file where the directory should be.
        std::fs::write(place.path().join("respond"), "").expect("written");
        let responder = place.start(600);
        responder.alert(FAR);
        assert!(ear.hears_nothing(far, FAR));
        assert!(responder.report().ledger_trouble.is_some());
        std::fs::remove_file(place.path().join("respond")).expect("removed");
        wait::until("the ledger", wait::PATIENCE, || responder.report().ledger_trouble.is_none()).expect("opened");
        drop(responder);
        assert_eq!(place.start(600).list().len(), 1);
    });
}

#[test]
fn the_last_check_keeps_protected_addresses_out_of_the_set() {
    with_cable(|far| {
        let ear = Ear::on(NEAR);
        let element = |address: &str| Element {
            address: address.parse().expect("an address"),
            life: None,
            comment: String::new(),
            counted: Counted::default(),
        };
        let own = [FAR.parse().expect("an address")].into();
        let guard = ProtectedSet::new(&[], &[], MachineAddresses { own, ..MachineAddresses::default() });
        let mut nft = Nft::open().expect("nf_tables");
        let kept_out = nft.replace(&[element(FAR), element(FRIEND)], &guard).expect("written");
        assert_eq!(kept_out, [(FAR.parse().expect("an address"), NeverBlockReason::OwnAddress)]);
        let changes = [Change::Put(element(FAR)), Change::Replace(element("::1"))];
        assert_eq!(nft.apply(&changes, &guard).expect("written").len(), 2);
        assert!(ear.hears(far, FAR) && ear.hears_nothing(far, FRIEND));
        assert_eq!(nft.find_elements().expect("elements").len(), 1);
    });
}
