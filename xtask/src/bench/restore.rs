//! Blocks that come back when the daemon starts.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hids_tests::{Hids, Host, nft, wait};

use super::{configuration, corpus, figure};

/// The set of blocked IPv4 addresses.
const SET: &str = "blocked4";

const PATIENCE: Duration = Duration::from_secs(120);

/// Blocks `count` addresses from a log, kills the daemon, empties the firewall and starts again.
pub(super) fn measure(programs: &Path, count: u32) -> Result<()> {
    let host = Host::new("www1")?;
    host.write("/var/log/secure", "")?;
    let mut hids = Hids::start(&host, programs, &configuration())?;
    let text: String = (0..count).map(|number| corpus::wrong_password(&corpus::address(number))).collect();
    let start = Instant::now();
    host.write("/var/log/secure", text)?;
    wait::until("the last block", PATIENCE, || active(&hids) == u64::from(count))?;
    let rate = f64::from(count) / start.elapsed().as_secs_f64();
    figure("wrong passwords to blocks", &format!("{rate:.0} /s"), "-", "");

    hids.process().kill()?;
    host.output("nft", ["flush", "ruleset"])?;
    ensure!(nft::elements(&host, SET).is_empty(), "the firewall is not empty");
    let start = Instant::now();
    let hids = Hids::start(&host, programs, &configuration())?;
    wait::until("the last block to come back", PATIENCE, || active(&hids) == u64::from(count))?;
    let restored = start.elapsed();
    let found = nft::elements(&host, SET).len();
    ensure!(found == count as usize, "{found} of {count} blocks came back\n{}", hids.log());
    figure(&format!("start until {count} blocks are back"), &format!("{:.2} s", restored.as_secs_f64()), "< 1 s", "");
    Ok(())
}

/// How many blocks the daemon says are in the kernel. Asking the kernel itself would disturb the
/// measurement: nft reads the whole set even to get one element. It is asked afterwards.
fn active(hids: &Hids<'_>) -> u64 {
    hids.ctl_json(&["status"]).ok().and_then(|status| status["respond"]["active"].as_u64()).unwrap_or(0)
}
