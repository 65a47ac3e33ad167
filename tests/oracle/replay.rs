//! Inputs that once crashed a fuzz target, and its seeds, go through without a finding.

use std::path::Path;

#[path = "../fuzz/inputs.rs"]
mod inputs;
#[path = "../fuzz/sensed.rs"]
mod sensed;

type Target = fn(&[u8]);

#[test]
fn kept_inputs_of_the_fuzz_targets_are_harmless() {
    let targets: [(&str, Target); 13] = [
        ("xml", inputs::xml),
        ("pattern", inputs::pattern),
        ("decoder", inputs::decoder),
        ("rules", inputs::rules),
        ("event", inputs::event),
        ("json", inputs::json),
        ("fanotify", sensed::fanotify),
        ("export", sensed::export),
        ("config", sensed::config),
        ("control", sensed::control),
        ("netlink", sensed::netlink),
        ("journal", sensed::journal),
        ("state", sensed::state),
    ];
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (target, run) in targets {
        for folder in [tests.join("fuzz/corpus").join(target), tests.join("data/crashes").join(target)] {
            for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
                let path = entry.expect("an entry of a folder").path();
                println!("{}", path.display());
                run(&std::fs::read(&path).expect("a file that can be read"));
            }
        }
    }
}
