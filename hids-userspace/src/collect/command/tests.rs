//! Commands really run.

use super::*;
use crate::collect::report::CollectCounters;

fn stop_pipe() -> (PipeReader, PipeWriter) {
    io::pipe().expect("pipe")
}

fn output_of(line: &str) -> Result<run::Output, run::RunError> {
    let (reader, _writer) = stop_pipe();
    run::run(&command_line::parse(line).expect("accepted"), Duration::from_secs(10), &reader)
}

fn text_of(line: &str) -> String {
    String::from_utf8(output_of(line).expect("runs").bytes).expect("text")
}

#[test]
fn programs_are_connected_by_pipes() {
    assert_eq!(text_of("printf 'b\\na\\nb\\nc\\n' | grep -v c | sort | uniq"), "a\nb\n");
}

#[test]
fn the_environment_holds_nothing_but_path_and_locale() {
    let mut lines: Vec<String> = text_of("env").lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]);
}

#[test]
fn programs_get_no_input() {
    assert_eq!(text_of("cat"), "");
}

#[test]
fn errors_are_kept_only_when_asked_for() {
    assert_eq!(text_of("cat /nonexistent"), "");
    assert!(text_of("cat /nonexistent 2>&1").contains("No such file"));
}

#[test]
fn a_program_that_does_not_exist_is_named() {
    let error = output_of("echo a | no-such-program-here").expect_err("fails");
    assert!(error.to_string().contains("no-such-program-here"), "{error}");
}

#[test]
fn a_command_that_takes_too_long_is_ended_with_all_it_started() {
    let (reader, _writer) = stop_pipe();
    let begun = Instant::now();
    // A child of the program that is started.
    let outcome =
        run::run(&command_line::parse("timeout 987 sleep 987").expect("accepted"), Duration::from_millis(300), &reader);
    assert!(matches!(outcome, Err(run::RunError::TimedOut(_))), "{outcome:?}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    let limit = Instant::now() + hids_tests::wait::scaled(Duration::from_secs(5));
    while text_of("ps -eo args").contains("sleep 987") {
        assert!(Instant::now() < limit, "sleep still runs");
    }
}

#[test]
fn output_without_end_is_cut() {
    let output = output_of("yes").expect("runs");
    assert!(output.cut);
    assert_eq!(output.bytes.len(), run::MAX_OUTPUT_BYTES);
}

#[test]
fn each_line_is_an_event_or_all_of_them_are_one() {
    let text = b"one\n\ntwo\n";
    let lines = events("df -P", CommandOutput::Lines, text);
    assert_eq!(lines[0], b"ossec: output: 'df -P': one");
    assert_eq!(lines.last().map(Vec::as_slice), Some(&b"ossec: output: 'df -P': two"[..]));
    assert_eq!(events("ports", CommandOutput::Whole, text), [b"ossec: output: 'ports':\none\ntwo"]);
}

#[test]
fn a_command_runs_again_and_again_until_it_is_stopped() {
    let counters: Arc<CollectCounters> = Arc::default();
    let (out, batches) = crossbeam_channel::bounded(4);
    let batch_sender = BatchSender::new(out, Arc::clone(&counters));
    let registry = SourceRegistry::default();
    let config = LogSourceConfig {
        input: LogInput::Command {
            command_line: "echo here".into(),
            alias: "greeting".into(),
            every: Duration::from_secs(1),
            output: CommandOutput::Lines,
        },
        format: crate::config::LogFormat::Line,
    };
    let handle = CommandHandle::start(config, &CollectTuning::default(), batch_sender, &registry).expect("starts");
    for _ in 0..2 {
        let batch = batches.recv_timeout(hids_tests::wait::scaled(Duration::from_secs(10))).expect("a run");
        assert_eq!(batch.source.location, "greeting");
        assert_eq!(batch.bytes, b"ossec: output: 'greeting': here");
        assert_eq!(batch.position, None);
    }
    handle.stop();
    assert!(batches.recv().is_err(), "the thread has ended");
    assert!(registry.report(&CollectCounters::default()).sources.is_empty());
}
