//! Finished days: checksum files and compression.
//!
//! Everything here can be interrupted at any moment and done again: files are made under another
//! name and renamed, and what is there is not made twice. A day that ended while the daemon was down
//! is finished at the next start.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use jiff::civil::Date;
use md5::Digest as _;

use super::day::Kind;
use super::root::Root;

/// What is done with a finished file.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FinishOptions {
    /// `monitord.sign`.
    pub checksums: bool,
    /// `monitord.compress`.
    pub compress: bool,
}

/// Finishes all days before `today`; gives the problems, each with its file.
pub(super) fn finish_before(
    root: &Root,
    today: Date,
    options: FinishOptions,
    stop: &dyn Fn() -> bool,
) -> Vec<(PathBuf, io::Error)> {
    let mut problems = Vec::new();
    for (date, kind) in plain_files(&root.path) {
        if stop() {
            break;
        }
        if date >= today {
            continue;
        }
        let signed = if options.checksums { sign(root, kind, date) } else { Ok(()) };
        // A file without its sum is not compressed: the sum is of the plain text.
        if let Err(error) = signed.and_then(|()| if options.compress { compress(root, kind, date) } else { Ok(()) }) {
            problems.push((root.path.join(kind.path(date)), error));
        }
    }
    problems
}

/// The uncompressed daily files under `logs`, oldest first.
fn plain_files(logs: &Path) -> Vec<(Date, Kind)> {
    daily_files(logs, &Kind::ALL, "")
}

/// The days for which there are files of `kinds`, compressed or not, oldest first.
pub(super) fn dates(logs: &Path, kinds: &[Kind]) -> Vec<Date> {
    let mut files = daily_files(logs, kinds, "");
    files.extend(daily_files(logs, kinds, ".gz"));
    let mut dates: Vec<_> = files.into_iter().map(|(date, _)| date).collect();
    dates.sort();
    dates.dedup();
    dates
}

fn daily_files(logs: &Path, kinds: &[Kind], suffix: &str) -> Vec<(Date, Kind)> {
    let mut found = Vec::new();
    for &kind in kinds {
        for year in names(&logs.join(kind.directory())) {
            for month in names(&logs.join(kind.directory()).join(&year)) {
                let directory = Path::new(kind.directory()).join(&year).join(&month);
                let files = names(&logs.join(&directory));
                found.extend(
                    files
                        .iter()
                        .filter_map(|name| Some((date_of(kind, &year, &month, name.strip_suffix(suffix)?)?, kind))),
                );
            }
        }
    }
    found.sort();
    found
}

/// The date of a daily file, if it is one of `kind`.
fn date_of(kind: Kind, year: &str, month: &str, name: &str) -> Option<Date> {
    let day: i8 = name.split_once('.')?.0.rsplit_once('-')?.1.parse().ok()?;
    let year: i16 = year.parse().ok()?;
    let number = (1..=12)
        .find(|&number| Date::new(year, number, 1).is_ok_and(|date| date.strftime("%b").to_string() == month))?;
    let date = Date::new(year, number, day).ok()?;
    (kind.file_name(date) == name).then_some(date)
}

fn names(directory: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}

/// Writes `FILE.sum` unless it is there.
///
/// Layout of OSSEC (`src/monitord/sign_log.c`) with a SHA256 line after each SHA1 line: readers look
/// for lines by their first word, and MD5 and SHA-1 alone no longer prove anything. The chained part
/// is over the `.sum` of the day before, so that none can be exchanged without those after it.
fn sign(root: &Root, kind: Kind, date: Date) -> io::Result<()> {
    let path = kind.path(date);
    let sum_path = with_suffix(&path, ".sum");
    if root.read(&sum_path).is_ok() {
        return Ok(());
    }
    let previous = with_suffix(&kind.path(date.yesterday().map_err(io::Error::other)?), ".sum");
    let mut text = String::from("Current checksum:\n");
    push_sums(&mut text, &path, root.read(&path).ok())?;
    text.push_str("\nChained checksum:\n");
    push_sums(&mut text, &previous, root.read(&previous).ok())?;
    text.push('\n');
    root.replace(&sum_path, |file| file.write_all(text.as_bytes()))
}

fn push_sums(text: &mut String, path: &Path, file: Option<File>) -> io::Result<()> {
    let shown = format!("/logs/{}", path.display());
    let [md5, sha1, sha256] = match file {
        Some(file) => sums(file)?,
        None => std::array::from_fn(|_| "none".to_owned()),
    };
    let _ = write!(text, "MD5  ({shown}) = {md5}\nSHA1 ({shown}) = {sha1}\nSHA256 ({shown}) = {sha256}\n");
    Ok(())
}

fn sums(mut file: impl Read) -> io::Result<[String; 3]> {
    let (mut md5, mut sha1, mut sha256) = (md5::Md5::new(), sha1::Sha1::new(), sha2::Sha256::new());
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok([hex(&md5.finalize()), hex(&sha1.finalize()), hex(&sha256.finalize())]);
        }
        md5.update(&buffer[..count]);
        sha1.update(&buffer[..count]);
        sha256.update(&buffer[..count]);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Writes `FILE.gz` and removes `FILE`.
///
/// When `FILE.gz` is there: with the same text we were interrupted before removing `FILE`; with
/// another one (the clock went back, someone unpacked and edited) the new text is added to it as a
/// further member, which `zcat` prints after the first. Nothing is overwritten.
fn compress(root: &Root, kind: Kind, date: Date) -> io::Result<()> {
    let path = kind.path(date);
    let packed = with_suffix(&path, ".gz");
    let old = root.read(&packed).ok();
    if let Some(old) = &old
        && sums(MultiGzDecoder::new(old))? == sums(root.read(&path)?)?
    {
        return root.remove(&path);
    }
    let mut plain = root.read(&path)?;
    root.replace(&packed, |file| {
        if old.is_some() {
            io::copy(&mut root.read(&packed)?, file)?;
        }
        let mut encoder = GzEncoder::new(io::BufWriter::new(file), Compression::default());
        io::copy(&mut plain, &mut encoder)?;
        encoder.finish()?.flush()
    })?;
    root.remove(&path)
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut text = path.as_os_str().to_owned();
    text.push(suffix);
    PathBuf::from(text)
}
