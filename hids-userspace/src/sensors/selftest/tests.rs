use std::collections::HashMap;
use std::sync::Mutex;

use hids_core::model::Who;

use super::*;

/// Answers as the kernel's table would: for children of this process, also after their end.
#[derive(Default)]
struct Remembering(Mutex<HashMap<u32, Arc<Who>>>);

impl WhoLookup for Remembering {
    fn who(&self, pid: u32) -> Option<Arc<Who>> {
        let executable = fs::read_link("/proc/self/exe").unwrap().as_os_str().as_bytes().to_vec();
        let who = Who { pid, executable, source: WhoSource::Tracepoint, ..Who::default() };
        let mut known = self.0.lock().unwrap();
        Some(Arc::clone(known.entry(pid).or_insert_with(|| Arc::new(who))))
    }
}

/// This test program as the one that does the operations.
fn actor() -> Actor {
    let arguments = ["--exact", "sensors::selftest::tests::child", "--include-ignored", "--nocapture"];
    Actor { program: "/proc/self/exe".into(), arguments: arguments.map(Into::into).to_vec() }
}

#[test]
#[ignore = "is the child of the other tests"]
fn child() {
    let arguments: Vec<_> = std::env::args_os().collect();
    if let [.., name, directory] = arguments.as_slice()
        && Path::new(directory).is_absolute()
    {
        std::process::exit(i32::from(child::act(name, Path::new(directory))));
    }
}

fn self_test(who: Arc<dyn WhoLookup>, marks: MarkChoice) -> Option<SelfTest> {
    if !hids_tests::require::root() {
        return None;
    }
    let place = tempfile::tempdir().unwrap();
    let options = SelfTestOptions { directory: place.path().canonicalize().unwrap(), actor: actor(), who, marks };
    let result = run(&options).unwrap();
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0, "nothing is left");
    println!("{result:#?}");
    Some(result)
}

#[test]
fn every_operation_is_proven_on_this_kernel() {
    let Some(result) = self_test(Arc::new(Remembering::default()), MarkChoice::Best) else { return };
    assert_eq!(result.marks, MarkKind::Filesystem);
    assert_eq!(result.unseen().collect::<Vec<_>>(), []);
    assert_eq!(result.anonymous().collect::<Vec<_>>(), []);
    let tried = result.operations.iter().filter(|tested| tested.saw.tried).count();
    println!("{tried} of {} operations could be tried", OperationUnderTest::ALL.len());
    assert!(tried >= 16);
}

#[test]
fn marks_on_directories_do_not_claim_what_they_cannot_see() {
    let Some(result) = self_test(Arc::new(Remembering::default()), MarkChoice::Directories) else { return };
    assert_eq!(result.marks, MarkKind::Directories);
    assert_eq!(result.unseen().collect::<Vec<_>>(), [OperationUnderTest::LinkedWrite]);
}

#[test]
fn a_process_that_has_ended_is_not_claimed_to_be_known_from_procfs() {
    let Some(result) = self_test(Arc::new(crate::sensors::Procfs::default()), MarkChoice::Best) else { return };
    assert_eq!(result.unseen().count(), 0);
    assert!(result.operations.iter().all(|tested| !tested.saw.who), "{result:#?}");
}

#[test]
fn names_lead_back_to_operations() {
    for operation in OperationUnderTest::ALL {
        assert_eq!(OperationUnderTest::named(operation.name()), Some(operation));
    }
    assert!(act_if_asked(["hidsd".into(), "--verbose".into()].into_iter()).is_none());
}
