//! `hidsctl support`: one archive with what someone needs to help, without secrets.

mod gather;
mod redact;

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use super::exit::Exit;
use super::{Common, output};
use crate::platform::clock;
use crate::platform::hostname;
use redact::Redaction;

/// Arguments of `hidsctl support`.
#[derive(Debug, Args)]
pub struct SupportArgs {
    /// Archive to write; must not exist [default: hids-support-HOST-TIME.tar.gz here]
    file: Option<PathBuf>,
    /// Include the newest alerts, which contain log lines
    #[arg(long)]
    with_alerts: bool,
    /// Replace mail addresses
    #[arg(long)]
    redact_mail: bool,
}

/// A file of the archive.
struct Part {
    name: &'static str,
    about: &'static str,
    content: Vec<u8>,
}

/// Writes the archive and says what is in it.
pub(super) fn run(common: &Common, args: &SupportArgs) -> anyhow::Result<Exit> {
    let redaction = if args.redact_mail { Redaction::SecretsAndMail } else { Redaction::Secrets };
    let mut parts = gather::parts(common, args.with_alerts);
    for part in &mut parts {
        part.content = redact::redacted(&part.content, redaction);
    }
    parts.insert(0, contents(&parts));
    let path = args.file.clone().unwrap_or_else(usual_name);
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(&path)
        .with_context(|| format!("cannot create {}", path.display()))?;
    if let Err(error) = write(&file, &parts) {
        // Half of an archive is of no use.
        let _ = std::fs::remove_file(&path);
        return Err(error).with_context(|| format!("cannot write {}", path.display()));
    }
    say(common, &path, &parts)
}

fn usual_name() -> PathBuf {
    let time = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S");
    let host: String =
        hostname::short().chars().filter(|char| char.is_ascii_alphanumeric() || *char == '-').take(64).collect();
    PathBuf::from(format!("hids-support-{host}-{time}.tar.gz"))
}

fn contents(parts: &[Part]) -> Part {
    let line = |part: &Part| format!("{:<22} {}\n", part.name, part.about);
    let lines: String = parts.iter().map(line).collect();
    Part { name: "README.txt", about: "this list", content: lines.into_bytes() }
}

fn write(file: &File, parts: &[Part]) -> io::Result<()> {
    let mut archive = tar::Builder::new(GzEncoder::new(file, Compression::default()));
    let time = u64::try_from(clock::now().unix_seconds()).unwrap_or(0);
    for part in parts {
        let mut header = tar::Header::new_gnu();
        header.set_size(part.content.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(time);
        archive.append_data(&mut header, Path::new("hids-support").join(part.name), part.content.as_slice())?;
    }
    let mut inner = archive.into_inner()?.finish()?;
    inner.flush()?;
    file.sync_all()
}

fn say(common: &Common, path: &Path, parts: &[Part]) -> anyhow::Result<Exit> {
    if common.json {
        let list =
            parts.iter().map(|part| json!({"name": part.name, "about": part.about, "bytes": part.content.len()}));
        output::print_json(&json!({ "file": path, "contents": list.collect::<Vec<_>>() }))?;
        return Ok(Exit::Success);
    }
    let mut text =
        format!("wrote {} (readable only by you)\n\n", output::visible(path.display().to_string().as_bytes()));
    for part in parts {
        text.push_str(&format!("  {:<22} {} ({} bytes)\n", part.name, part.about, part.content.len()));
    }
    text.push_str(
        "\npasswords of ossec.conf have been removed; paths, addresses and host names have not.\nLook through it before you \
         give it to anyone: tar -xzf FILE\n",
    );
    output::print(&text)?;
    Ok(Exit::Success)
}
