//! `cargo xtask bench ruleset`: what the shipped rules see of other projects' test data.
//!
//! The data is in `../shared/testdata` and no part of the repository; where it is absent, nothing is measured. Each
//! case goes to a `hidsctl logtest` of its own, as `score_logtest.py` of `../shared/tools` does it.

mod cases;
mod page;
mod score;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;

use super::engine_corpus;
use crate::build::{Profile, build_all};
use crate::exec::say;
use crate::paths;

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Measure this program instead of building one
    #[arg(long, value_name = "HIDSCTL")]
    program: Option<PathBuf>,
    /// Measure this directory with decoders/ and rules/ [default: config/ruleset]
    #[arg(long, value_name = "DIR")]
    ruleset: Option<PathBuf>,
    /// Write the page docs/ruleset-quality.md
    #[arg(long)]
    write: bool,
    /// Write the cases that are missed to this file, which must not come into the repository
    #[arg(long, value_name = "FILE")]
    misses: Option<PathBuf>,
}

/// Prints the table and the misses by service.
pub(crate) fn run(options: &Options) -> Result<()> {
    let Some(data) = engine_corpus::shared().map(|shared| shared.join("testdata")).filter(|data| data.is_dir()) else {
        println!("skipped: ../shared/testdata not there");
        return Ok(());
    };
    let program = match &options.program {
        Some(program) => program.canonicalize().with_context(|| format!("cannot find {}", program.display()))?,
        None => build_all(Profile::Release)?.join("hidsctl"),
    };
    let ruleset = options.ruleset.clone().unwrap_or_else(|| paths::root().join("config/ruleset"));
    let directory = paths::target().join("bench");
    let config = configuration(&directory, "ruleset", &ruleset)?;
    say(&format!("{} with {}", program.display(), ruleset.display()));
    let tally = score::all(&cases::Runner { program, config, directory }, &data)?;
    let page = page::page(&tally);
    print!("{}", page::tables(&tally));
    if options.write {
        let path = paths::root().join("docs/ruleset-quality.md");
        fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
        println!("{}", path.display());
    }
    if let Some(path) = &options.misses {
        fs::write(path, tally.misses()).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// The shipped configuration with the rules of `ruleset`, below `directory`.
pub(crate) fn configuration(directory: &Path, name: &str, ruleset: &Path) -> Result<PathBuf> {
    let ruleset = ruleset.canonicalize().with_context(|| format!("cannot find {}", ruleset.display()))?;
    let shipped = paths::root().join("config/ossec.conf");
    let text = fs::read_to_string(&shipped).with_context(|| format!("cannot read {}", shipped.display()))?;
    let rules = format!(
        "<rules>\n<decoder_dir>{0}/decoders</decoder_dir>\n<rule_dir>{0}/rules</rule_dir>\n</rules>\n</ossec_config>",
        ruleset.display()
    );
    let (head, tail) = text.rsplit_once("</ossec_config>").context("config/ossec.conf has no end")?;
    fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let path = directory.join(format!("{name}.conf"));
    fs::write(&path, format!("{head}{rules}{tail}")).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
