//! OSSEC's rules for what its plug-in decoders extract.

use hids_core::engine::{Engine, EngineOptions, OssecProgram};

use crate::ruleset::{analyse, stock_sources};

fn engine(strict_ossec: bool) -> Option<Engine> {
    let strict_program = OssecProgram::Daemon;
    let options = EngineOptions { strict_ossec, strict_program, ..EngineOptions::default() };
    Engine::compile(&stock_sources()?, options).0
}

fn rules(engine: &mut Engine, lines: impl IntoIterator<Item = String>) -> Vec<u32> {
    let rule = |line: String| analyse(engine, line.as_bytes(), |outcome| outcome.rule().map_or(0, |rule| rule.id.0));
    lines.into_iter().map(rule).collect()
}

// D2
#[test]
fn logins_at_symantecs_proxy_are_seen() {
    for strict in [false, true] {
        let Some(mut engine) = engine(strict) else { return };
        let lines = ["10=userc,3=1,2=1", "10=virtadmin,3=1,2=1", "10=userc,3=2,2=1", "10=userc,3=9,2=1"];
        let found = rules(&mut engine, lines.map(|end| format!("20070717,73613,1=5,11=10.1.1.3,{end}")));
        assert_eq!(found, [7415, 7420, 7410, 7400], "strict: {strict}");
    }
}

// D2b
#[test]
fn drops_of_pf_are_seen_and_counted_by_source() {
    let forms = [("(match)", [true, true]), ("0(match):", [true, false])];
    for (form, seen) in forms {
        for (strict, seen) in [false, true].into_iter().zip(seen) {
            let Some(mut engine) = engine(strict) else { return };
            let drop = |port: usize| {
                format!("Dec 10 01:02:03 h pf: rule 4/{form} block in on lo0: 192.0.2.1.{port} > 192.0.2.9.22: S 1(0)")
            };
            let found = rules(&mut engine, (1000..1018).map(drop));
            assert_eq!(found[0] == 4101, seen, "{form} strict: {strict}: {found:?}");
            assert_eq!(found.contains(&4151), seen, "{form} strict: {strict}: {found:?}");
        }
    }
}

// D3, D3b
#[test]
fn sonic_wall_reads_keys_that_stand_apart_in_the_default_mode_only() {
    let head = "id=firewall sn=0 time=\"2004-04-01 10:39:35\" fw=1.1.1.1";
    let lines = || [format!("{head} pri=1 msg=\"x\" n=1"), format!("{head} pri=1 c=16 m=83 src=192.0.2.1:1:WAN")];
    for (strict, expected) in [(false, [4801, 4801]), (true, [4800, 4800])] {
        let Some(mut engine) = engine(strict) else { return };
        assert_eq!(rules(&mut engine, lines()), expected, "strict: {strict}");
    }
}

// D3c
#[test]
fn half_a_forwarded_alert_raises_no_rule() {
    for strict in [false, true] {
        let Some(mut engine) = engine(strict) else { return };
        let lines = ["", " - x", " - x; Location: h->/l", " - x; Location: h->/l; srcip: 192.0.2.1"];
        let found =
            rules(&mut engine, lines.map(|end| format!("Dec 10 01:02:03 h ossec: Alert Level: 3; Rule: 5715{end}")));
        assert!(!found.contains(&5715), "strict: {strict}: {found:?}");
        let whole = "Dec 10 01:02:03 h ossec: Alert Level: 3; Rule: 5715 - x; Location: h->/l; srcip: 192.0.2.1;  log";
        assert_eq!(rules(&mut engine, [whole.to_owned()]), [5715]);
    }
}
