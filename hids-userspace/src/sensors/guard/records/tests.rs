use proptest::prelude::*;
use zerocopy::{FromZeros as _, IntoBytes as _};

use super::*;

struct Nobody;

impl WhoLookup for Nobody {
    fn who(&self, _pid: u32) -> Option<Arc<Who>> {
        None
    }
}

fn record(path: &[u8], executable: &[u8]) -> GuardRecord {
    let mut record = GuardRecord::new_zeroed();
    record.path[..path.len()].copy_from_slice(path);
    record.path_bytes = u32::try_from(path.len()).expect("short");
    record.executable_path[..executable.len()].copy_from_slice(executable);
    record.executable_bytes = u32::try_from(executable.len()).expect("short");
    record.protected = FileKey::new(8, 2);
    record.login_uid = u32::MAX;
    record.pid = 7;
    record
}

fn told(record: &GuardRecord) -> Refusal {
    let mounts = Mounts::default();
    let path_of = |key: FileKey| (key.inode == 2).then(|| PathBuf::from("/etc"));
    refusal(record, GuardOperation::Unlink, &Names { mounts: &mounts, path_of: &path_of, processes: &Nobody })
}

#[test]
fn names_are_joined_from_the_outside_below_the_protected_directory() {
    let refusal = told(&record(b"passwd\0sub\0", b"rm\0bin\0usr\0"));
    assert_eq!(refusal.path, b"/etc/sub/passwd");
    assert_eq!(refusal.who.executable, b"/usr/bin/rm");
    assert_eq!(refusal.who.login_uid, None);
    assert_eq!(refusal.operation, Operation::Delete);
}

#[test]
fn protected_file_itself_has_no_names_below() {
    assert_eq!(told(&record(b"", b"")).path, b"/etc");
}

#[test]
fn unknown_operation_is_no_record() {
    let mut bytes = record(b"a\0", b"");
    bytes.operation = 1000;
    assert!(parse(bytes.as_bytes()).is_none());
    assert!(parse(b"short").is_none());
}

#[test]
fn equal_refusals_are_counted_and_others_kept() {
    let mut refusals = Vec::new();
    for _ in 0..3 {
        fold(&mut refusals, told(&record(b"a\0", b"")));
    }
    fold(&mut refusals, told(&record(b"b\0", b"")));
    assert_eq!(refusals.iter().map(|refusal| refusal.count).collect::<Vec<_>>(), [3, 1]);
}

proptest! {
    #[test]
    fn no_record_leads_above_the_protected_directory_or_panics(
        names in proptest::collection::vec(any::<u8>(), 0..600), length in any::<u32>(),
    ) {
        let mut record = record(&names, b"");
        record.path_bytes = length;
        let path = told(&record).path;
        prop_assert!(path.starts_with(b"/etc"), "{:?}", path);
    }
}
