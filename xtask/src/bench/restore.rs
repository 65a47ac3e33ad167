//! Blocks that come back when the daemon starts.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hids_tests::{Hids, Host, nft, wait};

use super::{configuration, corpus, figure};

const PATIENCE: Duration = Duration::from_secs(120);

/// Blocks `count` addresses from a log, kills the daemon, empties the firewall and starts again.
pub fn measure(programs: &Path, count: u32) -> Result<()> {
    let host = Host::new("www1")?;
    host.write("/var/log/secure", "")?;
    let mut hids = Hids::start(&host, programs, &configuration())?;
    let text: String = (0..count).map(|number| corpus::wrong_password(&corpus::address(number))).collect();
    let last = corpus::address(count - 1);
    let start = Instant::now();
    host.write("/var/log/secure", text)?;
    wait::until("the last block", PATIENCE, || is_blocked(&host, &last))?;
    let rate = f64::from(count) / start.elapsed().as_secs_f64();
    figure("wrong passwords to blocks", &format!("{rate:.0} /s"), "-", "");

    hids.process().kill()?;
    host.output("nft", ["flush", "ruleset"])?;
    ensure!(!is_blocked(&host, &last), "the firewall is not empty");
    let start = Instant::now();
    // Only the return of the last block counts here, not the daemon's first answer.
    let hids = Hids::start(&host, programs, &configuration())?;
    wait::until("the last block to come back", PATIENCE, || is_blocked(&host, &last))?;
    let restored = start.elapsed();
    let found = nft::elements(&host, "blocked4").len();
    ensure!(found == count as usize, "{found} of {count} blocks came back\n{}", hids.log());
    figure(&format!("start until {count} blocks are back"), &format!("{:.2} s", restored.as_secs_f64()), "< 1 s", "");
    Ok(())
}

/// Asks for one element only, which costs the same however many there are.
fn is_blocked(host: &Host, address: &str) -> bool {
    host.output("nft", ["get", "element", "inet", "hids", "blocked4", &format!("{{ {address} }}")]).is_ok()
}
