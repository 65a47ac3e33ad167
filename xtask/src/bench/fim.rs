//! `cargo xtask bench fim`: how fast file integrity makes and checks a baseline, beside the machine's own
//! limit and AIDE.
//!
//! The limit is the larger of two times measured in the same run: reading all bytes, and hashing them with
//! `openssl dgst -sha256` on all cores. Both are given the list of files for nothing, while ours and AIDE's
//! walk the tree, compare and write a database besides. Each stands with the page cache warm and, for root,
//! cold. Changes nothing but files below `target/bench`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::fim_tree::{self, Tree};
use super::fim_yardstick::{self as yardstick, Usage};
use crate::build::{Profile, build_all};
use crate::exec::{command, find, say};
use crate::paths;
use crate::system::{YARDSTICKS, ensure};

/// How much to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Small files
    #[arg(long, default_value_t = 200_000)]
    files: u32,
    /// Their mean size in KiB; 0 makes empty ones
    #[arg(long, default_value_t = 19)]
    mean_kib: u32,
    /// Large files of 64 MiB
    #[arg(long, default_value_t = 4)]
    large: u32,
    /// Make the tree here rather than below target/bench
    #[arg(long, value_name = "DIR")]
    within: Option<PathBuf>,
    /// Measure this program instead of building one
    #[arg(long, value_name = "HIDSCTL")]
    program: Option<PathBuf>,
    /// How often each is run with a warm cache; the best counts, for the machine may be shared
    #[arg(long, default_value_t = 3)]
    repeats: u32,
    /// Leave the runs with a cold cache out
    #[arg(long)]
    warm_only: bool,
    /// Leave AIDE out
    #[arg(long)]
    without_aide: bool,
}

/// What is run, in this order in each round, so that all meet the same machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    Read,
    Openssl,
    Build,
    Verify,
    Changed,
    AideInit,
    AideCheck,
}

const RUNS: [Run; 7] = [Run::Read, Run::Openssl, Run::Build, Run::Verify, Run::Changed, Run::AideInit, Run::AideCheck];

impl Run {
    const fn name(self) -> &'static str {
        match self {
            Self::Read => "reading all bytes, all cores",
            Self::Openssl => "openssl dgst -sha256, all cores",
            Self::Build => "hidsctl: first scan",
            Self::Verify => "hidsctl: full verify",
            Self::Changed => "hidsctl: verify by change time",
            Self::AideInit => "AIDE --init, all cores",
            Self::AideCheck => "AIDE --check, all cores",
        }
    }
}

/// Measures everything and prints a table.
pub(crate) fn run(options: &Options) -> Result<()> {
    if !options.without_aide {
        ensure(&[&YARDSTICKS])?;
    }
    let program = match &options.program {
        Some(program) => program.clone(),
        None => build_all(Profile::Release)?.join("hidsctl"),
    };
    let within = options.within.clone().unwrap_or_else(|| paths::target().join("bench"));
    fs::create_dir_all(&within).with_context(|| format!("cannot make {}", within.display()))?;
    let tree = fim_tree::make(&within, options.files, options.mean_kib, options.large)?;
    println!("tree: {} files, {} MiB, {}", tree.files.len(), tree.bytes >> 20, tree.root.display());
    let state = within.join("fim-state");
    fs::create_dir_all(&state).with_context(|| format!("cannot make {}", state.display()))?;
    let bench = Bench { program, tree, state, aide: aide(options) };
    say("warm cache");
    yardstick::read_all(&bench.tree.files)?;
    bench.measure(options.repeats, false)?;
    if options.warm_only {
        return Ok(());
    }
    say("cold cache");
    match yardstick::drop_caches() {
        Ok(()) => bench.measure(1, true),
        Err(error) => {
            println!("skipped: {error:#}");
            Ok(())
        }
    }
}

fn aide(options: &Options) -> Option<PathBuf> {
    if options.without_aide {
        return None;
    }
    let found = find("aide");
    if found.is_none() {
        println!("skipped: AIDE is not installed (apt-get install aide)");
    }
    found
}

struct Bench {
    program: PathBuf,
    tree: Tree,
    state: PathBuf,
    aide: Option<PathBuf>,
}

impl Bench {
    fn measure(&self, rounds: u32, cold: bool) -> Result<()> {
        let mut best: Vec<(Run, Usage)> = Vec::new();
        for _ in 0..rounds {
            for run in RUNS {
                if cold {
                    yardstick::drop_caches()?;
                }
                let Some(usage) = self.once(run)? else { continue };
                match best.iter_mut().find(|(known, _)| *known == run) {
                    Some((_, known)) => *known = known.better(usage),
                    None => best.push((run, usage)),
                }
            }
        }
        self.print(&best)
    }

    fn once(&self, run: Run) -> Result<Option<Usage>> {
        Ok(Some(match run {
            Run::Read => yardstick::of_this_process(|| yardstick::read_all(&self.tree.files))?,
            Run::Openssl => yardstick::of_children(|| yardstick::openssl(&self.tree.files))?,
            Run::Build => {
                for file in ["fim.redb", "fim.head", "fim.key"] {
                    let _ = fs::remove_file(self.state.join(file));
                }
                self.own("build")?
            }
            Run::Verify => self.own("verify")?,
            Run::Changed => self.own("changed")?,
            Run::AideInit | Run::AideCheck => {
                let Some(aide) = &self.aide else { return Ok(None) };
                self.aide(aide, run)?
            }
        }))
    }

    fn own(&self, what: &str) -> Result<Usage> {
        let mut command = command(&self.program);
        command.args(["fim", "measure", what]).arg(self.state.join("fim.redb")).arg(&self.tree.root);
        let (usage, text) = yardstick::of_program(&mut command)?;
        // What is measured has to be right: everything is new, and then nothing differs.
        let differences = if what == "build" { self.tree.files.len() + self.tree.directories } else { 0 };
        if !text.contains(&format!(" differences {differences} ")) {
            bail!("hidsctl fim measure {what} should find {differences} differences: {text}");
        }
        Ok(usage)
    }

    fn aide(&self, aide: &Path, run: Run) -> Result<Usage> {
        let config = self.state.join("aide.conf");
        let (made, used) = (self.state.join("aide.new"), self.state.join("aide.db"));
        // The same as ours: all of stat, attributes and SHA-256.
        let text = format!(
            "database_in=file:{}\ndatabase_out=file:{}\ngzip_dbout=no\nnum_workers=100%\nreport_level=summary\n\
             {} ftype+p+i+n+u+g+s+m+c+acl+xattrs+sha256\n",
            used.display(),
            made.display(),
            self.tree.root.display()
        );
        fs::write(&config, text).context("cannot write AIDE's configuration")?;
        let mode = if run == Run::AideInit { "--init" } else { "--check" };
        let (usage, _) = yardstick::of_program(command(aide).arg("--config").arg(&config).arg(mode))?;
        if run == Run::AideInit {
            fs::rename(&made, &used).context("AIDE has made no database")?;
        }
        Ok(usage)
    }

    fn print(&self, best: &[(Run, Usage)]) -> Result<()> {
        let of = |run: Run| best.iter().find(|(known, _)| *known == run).map(|(_, usage)| *usage);
        let limit = of(Run::Read).zip(of(Run::Openssl)).map(|(read, openssl)| read.wall.max(openssl.wall));
        let limit = limit.context("the limit was not measured")?;
        println!(
            "{:<34} {:>9} {:>9} {:>10}   {:>10} {:>14}",
            "", "wall s", "CPU s", "peak MiB", "of limit", "AIDE's CPU"
        );
        for (run, usage) in best {
            let theirs = match run {
                Run::Build => of(Run::AideInit),
                Run::Verify | Run::Changed => of(Run::AideCheck),
                _ => None,
            };
            let peak = usage.peak_kib.map_or(String::new(), |kib| format!("{:.0}", kib as f64 / 1024.0));
            let share = format!("{:.0} %", 100.0 * limit / usage.wall);
            let ratio = theirs.map_or(String::new(), |theirs| format!("{:.1} x ours", theirs.cpu / usage.cpu));
            println!("{:<34} {:>9.2} {:>9.2} {peak:>10}   {share:>10} {ratio:>14}", run.name(), usage.wall, usage.cpu);
        }
        println!("wanted: first scan and full verify at 90 % of the limit or more, AIDE's CPU time 3 x ours or more");
        Ok(())
    }
}
