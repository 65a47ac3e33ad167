//! `hidsctl fim check`: one comparison with an accepted baseline, as AIDE makes it.

mod failure;
mod names;
mod place;
mod report;
mod source;
mod update;

use self::failure::{Ends as _, Failure};
use self::names::FileNames;
pub(super) use self::place::CheckArgs;
use self::place::place;
use self::source::Source;
pub(super) use self::source::{SnapshotArgs, snapshot};
use super::absolute;
use crate::cli::exit::{CheckExit, Exit};
use crate::cli::{Common, messages, output};
use crate::config;
use crate::fim::check::{self, Checked};
use crate::fim::scan_options::scan_options;

/// Shown under `--help`.
pub(super) const EXIT_STATUS: &str = "Exit status, as AIDE: 0 nothing differs; else the sum of 1 (new), 2 (removed) \
                                      and 4 (changed); errors: 14 baseline not written, 15 usage, 17 configuration, \
                                      18 something could not be examined, 21 baseline in use, 24 no usable baseline";

/// Compares, and ends with AIDE's numbers.
pub(super) fn run(common: &Common, args: &CheckArgs) -> anyhow::Result<Exit> {
    if args.init {
        let has_one = crate::fim::monitor::has_baseline(&config::locate(&common.load_options(false)).state);
        return Ok(match super::init::run(common) {
            Ok(Exit::Success) => Exit::Check(CheckExit::Found(0)),
            Ok(_) => Exit::Check(if has_one { CheckExit::NotWritten } else { CheckExit::InUse }),
            Err(error) => messages::error_with(&error, Exit::Check(CheckExit::NotWritten)),
        });
    }
    Ok(Exit::Check(match compare(common, args) {
        Ok(exit) => exit,
        Err(Failure { why, .. }) if output::is_closed_pipe(&why) => CheckExit::Io,
        Err(Failure { exit, why }) => {
            messages::error_with(&why, Exit::Check(exit));
            exit
        }
    }))
}

fn compare(common: &Common, args: &CheckArgs) -> Result<CheckExit, Failure> {
    let mut place = place(common, args)?;
    let mut options = scan_options(&place.syscheck);
    if place.tree.is_some() && options.examine.prefilter.take().is_some() {
        // A program of an image is not run. Without its output these sums are others than those of the baseline.
        messages::note("prefilter_cmd of the image is not run: MD5 and SHA-1 are not compared");
        for directory in &mut place.syscheck.directories {
            (directory.checks.md5, directory.checks.sha1) = (false, false);
        }
    }
    let source = Source::find(common, args, &place)?;
    let policy = check::policy(place.tree.as_ref(), &place.syscheck, &place.paths, &source.baseline);
    let mut subtrees = Vec::new();
    for path in &args.paths {
        subtrees.push(match &place.tree {
            Some(_) => check::plain(path).into_os_string().into_encoded_bytes(),
            None => absolute(path).ends(CheckExit::Usage)?.as_bytes().to_vec(),
        });
    }
    let names = FileNames::read(place.tree.as_ref());
    options.examine.tree = place.tree.map(Into::into);
    let mut checked = check::run(&source.baseline, &policy, subtrees, options).ends(CheckExit::Io)?;
    let totals = checked.report.totals;
    if totals.files + totals.directories == 0 && checked.bits() == 0 && checked.failures == 0 {
        checked.failures = 1;
        messages::note("nothing was examined: none of the paths exists below a <directories>");
    }
    if !checked.report.complete {
        checked.failures += 1;
        messages::note("the scan was stopped before its end");
    }
    let exit = exit_of(&checked);
    let accepted =
        if args.update { Some(update::accept(common, &place.paths.state, &source, &checked)?) } else { None };
    report::print(common, args.tree.as_deref(), &source, &checked, &names, accepted, Exit::Check(exit).code())
        .ends(CheckExit::Io)?;
    Ok(exit)
}

/// Differences first: what could not be examined is reported besides, and is an error where nothing else is known.
fn exit_of(checked: &Checked) -> CheckExit {
    match checked.bits() {
        0 if checked.failures > 0 => CheckExit::Io,
        bits => CheckExit::Found(bits),
    }
}
