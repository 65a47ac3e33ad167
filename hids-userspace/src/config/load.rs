//! Finds and reads the configuration file.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hids_core::diag::{Diagnostic, SourceFile, Span, has_errors, limited};
use hids_core::xml;

use super::read_file::{ReadProblem, read_file};
use super::value::Problems;
use super::{AllowedNet, Config, Paths, SyscheckConfig, allow_list, paths, raw, resolve, trusted};

/// Where a configuration is looked for, in order.
const PLACES: [&str; 2] = ["/var/ossec/etc/ossec.conf", "/etc/hids/ossec.conf"];

/// What to load.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// `-c`; otherwise the usual places.
    pub config: Option<PathBuf>,
    /// `--root`: where state, logs and sockets go.
    pub root: Option<PathBuf>,
    /// `--strict-ossec`.
    pub strict_ossec: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The configuration; `None` when there are errors.
    pub config: Option<Config>,
    /// All problems, errors first to last in the order of their places.
    pub diagnostics: Vec<Diagnostic>,
    /// Files that were read.
    pub files: Vec<PathBuf>,
}

/// Files with a content that they do not have yet: what is to be checked before it is written.
pub(crate) type Overlay = BTreeMap<PathBuf, Vec<u8>>;

/// Reads, checks and resolves the configuration. Never panics; whatever is wrong is a diagnostic.
pub fn load(options: &LoadOptions) -> Loaded {
    load_with(options, &Overlay::new())
}

/// As [`load`], as if the configuration had the content that `overlay` gives it.
pub(crate) fn load_with(options: &LoadOptions, overlay: &Overlay) -> Loaded {
    let mut loaded = Loaded::default();
    let (path, text) = match read_found(options, overlay) {
        Ok(read) => read,
        Err(problem) => {
            loaded.diagnostics.push(*problem);
            return loaded;
        }
    };
    loaded.files.push(path.clone());
    let file = SourceFile::new(path.display().to_string(), text);
    let mut problems = Problems(Vec::new());
    warn_if_others_can_write(&path, &file, &mut problems);
    let paths = paths::resolve(&path, options.root.as_deref());
    let config = read(&file, paths, options.strict_ossec, &mut loaded.files, &mut problems);
    let mut diagnostics = problems.0;
    diagnostics.extend(trusted::warnings(&config));
    diagnostics
        .sort_by_key(|diagnostic| diagnostic.span.as_ref().map_or((true, 0), |span| (span.file != file, span.start)));
    let diagnostics = limited(diagnostics);
    loaded.config = (!has_errors(&diagnostics)).then_some(config);
    loaded.diagnostics = diagnostics;
    loaded
}

/// The file that is loaded, and its text.
fn read_found(options: &LoadOptions, overlay: &Overlay) -> Result<(PathBuf, Vec<u8>), Box<Diagnostic>> {
    let Some(path) = find_config(options.config.as_deref()) else {
        let message = format!("no configuration found: neither {} nor {} exists", PLACES[0], PLACES[1]);
        let help = "create one with `hidsctl setup`, or specify one with -c FILE";
        return Err(Box::new(Diagnostic::error("C001", message).help(help)));
    };
    match overlay.get(&path).map_or_else(|| read_file(&path), |text| Ok(text.clone())) {
        Ok(text) => Ok((path, text)),
        Err(problem) => {
            let message = format!("cannot read the configuration {}: {problem}", path.display());
            let help = if matches!(&problem, ReadProblem::Io(error) if error.kind() == io::ErrorKind::PermissionDenied)
            {
                "run as root (sudo)"
            } else if options.config.is_some() {
                "check the file name given with -c"
            } else {
                "check its permissions, or specify another file with -c FILE"
            };
            Err(Box::new(Diagnostic::error("C001", message).help(help)))
        }
    }
}

/// What `<syscheck>` asks for in the configuration that [`load`] would read, although other parts of it may be wrong.
pub(crate) fn load_syscheck(options: &LoadOptions) -> (Option<SyscheckConfig>, Vec<Diagnostic>) {
    match read_found(options, &Overlay::new()) {
        Ok((path, text)) => syscheck_of_text(path.display().to_string(), text, options.strict_ossec),
        Err(problem) => (None, vec![*problem]),
    }
}

/// What the text of a configuration means; only of use if no error has been reported. The internal options and the
/// allow list are looked for beside it.
fn read(
    file: &Arc<SourceFile>,
    paths: Paths,
    strict_ossec: bool,
    files: &mut Vec<PathBuf>,
    problems: &mut Problems,
) -> Config {
    let (roots, diagnostics) = xml::parse(file);
    problems.0.extend(diagnostics);
    let raw = raw::read(roots, Span::new(file, 0, file.text.len().min(1)), problems);
    let folder = paths.config_file.parent().unwrap_or(Path::new(".")).to_owned();
    let internal = resolve::InternalOptions::read(&folder, files, problems);
    let allowed = allow_list::load(&paths.config_file, files, problems);
    resolve::resolve(&raw, paths, &internal, &allowed, strict_ossec, problems)
}

/// The entries of the allow list beside a configuration file.
///
/// # Errors
/// What is wrong with it, as it is shown.
pub(crate) fn load_allowed(config_file: &Path) -> Result<Vec<AllowedNet>, String> {
    let mut problems = Problems(Vec::new());
    let allowed = allow_list::load(config_file, &mut Vec::new(), &mut problems);
    if problems.0.is_empty() { Ok(allowed) } else { Err(problems.0.iter().map(Diagnostic::render).collect()) }
}

/// What `<syscheck>` asks for in a configuration with this text, which may be that of another machine: nothing else of
/// it is resolved, and no file that it names is read.
pub(crate) fn syscheck_of_text(
    name: String,
    text: Vec<u8>,
    strict_ossec: bool,
) -> (Option<SyscheckConfig>, Vec<Diagnostic>) {
    let file = SourceFile::new(name, text);
    let mut problems = Problems(Vec::new());
    let (roots, diagnostics) = xml::parse(&file);
    problems.0.extend(diagnostics);
    let raw = raw::read(roots, Span::new(&file, 0, file.text.len().min(1)), &mut problems);
    let config = resolve::resolve_syscheck(&raw, strict_ossec, &mut problems);
    let diagnostics = limited(problems.0);
    ((!has_errors(&diagnostics)).then_some(config), diagnostics)
}

/// The problems of a configuration with this text, in a place where nothing is beside it.
pub(crate) fn check_text(text: &[u8], strict_ossec: bool) -> Vec<Diagnostic> {
    let file = SourceFile::new("ossec.conf", text);
    let mut problems = Problems(Vec::new());
    let paths = paths::resolve(Path::new("/nowhere/ossec.conf"), None);
    read(&file, paths, strict_ossec, &mut Vec::new(), &mut problems);
    problems.0
}

/// The configuration that `load` would read: `explicit`, or the first of the usual places that exists.
pub fn find_config(explicit: Option<&Path>) -> Option<PathBuf> {
    match explicit {
        Some(path) => Some(path.to_owned()),
        // A file that is there but cannot be read is not passed over: that would change what is protected.
        None => PLACES.iter().map(PathBuf::from).find(|place| match place.symlink_metadata() {
            Ok(_) => true,
            Err(error) => error.kind() == io::ErrorKind::PermissionDenied,
        }),
    }
}

/// Where a configuration's files are, without reading it: for programs that only talk to the daemon or
/// read what it has written.
pub fn locate(options: &LoadOptions) -> Paths {
    let file = find_config(options.config.as_deref()).unwrap_or_else(|| PathBuf::from(PLACES[1]));
    paths::resolve(&file, options.root.as_deref())
}

fn warn_if_others_can_write(path: &Path, file: &Arc<SourceFile>, problems: &mut Problems) {
    if path.metadata().is_ok_and(|data| data.permissions().mode() & 0o002 != 0) {
        let message = "this file is world-writable; it controls which programs run as root and which addresses are \
                       blocked";
        problems.warning("C125", &Span::new(file, 0, 0), message, "run chmod o-w on it");
    }
}
