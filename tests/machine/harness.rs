//! Machines themselves: nothing of one outlives it, and nothing of one gets into the next.

use std::path::Path;

use hids_tests::machine::{self, Release};
use hids_tests::{Host, wait};

/// The control groups of this process's machines.
fn groups() -> Vec<String> {
    let own = format!("hids-machine-{}-", std::process::id());
    let hierarchies = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"];
    let entries = hierarchies.iter().flat_map(|hierarchy| std::fs::read_dir(hierarchy).into_iter().flatten().flatten());
    let paths = entries.map(|entry| entry.path().display().to_string());
    paths.filter(|path| path.contains(&own)).collect()
}

/// Whether some process uses a network.
fn is_used(network: &Path) -> bool {
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    let mut networks = processes.filter_map(|process| std::fs::read_link(process.path().join("ns/net")).ok());
    networks.any(|other| other == network)
}

#[test]
fn nothing_of_a_machine_outlives_it() {
    // Alone, so that the control groups of no other test are seen.
    if !machine::is_possible() || !hids_tests::alone::in_own_process("harness::nothing_of_a_machine_outlives_it", &[]) {
        return;
    }
    let host = Host::new("host").expect("a host");
    let network = host.network_id().expect("a network");
    let Some(tree) = machine::tree(&host, Release::Debian12) else { return };
    tree.write("/etc/of-this-test", "").expect("a file");
    let cached = hids_tests::programs::target().join("machines/bookworm/etc");
    assert!(cached.join("os-release").exists() && !cached.join("of-this-test").exists());
    drop(host_of(&host, tree));
    assert_eq!(groups(), Vec::<String>::new(), "control groups");
    drop(host);
    wait::until("the end of every process", wait::PATIENCE, || !is_used(&network)).expect("they end");
}

/// Boots, and looks whether it is the machine that was asked for.
fn host_of<'host>(host: &'host Host, tree: machine::Tree<'host>) -> Option<machine::Machine<'host>> {
    let machine = machine::boot(tree)?;
    assert!(!groups().is_empty(), "a machine has control groups of its own");
    assert_eq!(machine.output("hostname", [""; 0]).expect("a name").trim(), machine::HOSTNAME);
    assert_eq!(machine.output("systemctl", ["is-active", "ssh"]).expect("a state").trim(), "active");
    assert_eq!(machine.output("cat", ["/etc/of-this-test"]).expect("the file of this test"), "");
    host.wait_for_port(22).expect("its network is the host's");
    Some(machine)
}
