//! Refused logins in the headers of other syslogs are counted, with their source (C27).

use crate::shipped::Shipped;

/// Headers up to the tag, which has a process number.
const HEADERS: [&str; 28] = [
    "Apr 28 13:11:39 host auth.info ",
    "Apr 28 13:11:39 auth.info ",
    "Nov  8 01:00:28 2001:db8::aa ",
    "2026-10-15T06:48:02+00:00 2001:db8::aa ",
    "Aug 10 07:13:39 [localhost] ",
    "Feb 17 12:40:18 ",
    "Oct 2 17:53:41 host ",
    "Aug  4 16:28:47 2026 host ",
    "Aug  4 2026 16:28:47 host ",
    "Aug  4 16:28:47.123456 host ",
    "2026-08-04 16:28:47 host ",
    "2026-08-04 16:28:47.123456+02:00 host ",
    "Mon Aug  4 16:28:47 2025 authpriv.warn ",
    "Apr 28 13:11:39 h\u{f4}te ",
    "Nov 29 16:00:00 <auth.info> host ",
    "<38>Nov 29 16:00:00 host ",
    "<38>1 2026-11-29T16:00:00Z 2001:db8::aa ",
    "000123: *Nov 29 16:00:00.123 UTC: ",
    "Nov 29 16:00:00 UTC host ",
    "Sun 2026-11-29 16:00:00 UTC host ",
    "29 Nov 2026 16:00:00 host ",
    "2026/11/29 16:00:00 host ",
    "1795558167.123456 host ",
    "[12345.678901] host ",
    "2026-11-29T16:00:00.123456+00:00 ",
    "Nov 29 16:00:00 gw Message forwarded from host: ",
    "Nov 29 16:00:00 gw Nov 29 15:59:59 host ",
    "Nov 29 16:00:00  host ",
];

// C27
#[test]
fn twelve_refused_logins_in_any_header_lead_to_a_block_of_their_source() {
    let mut shipped = Shipped::new();
    for header in HEADERS {
        shipped.reset();
        let line = |number: i64| {
            let message = format!("Failed password for root from 192.0.2.60 port {} ssh2", 38_000 + number);
            match header.strip_prefix("<38>1 ") {
                Some(_) => format!("{header}sshd {number} - - {message}"),
                None => format!("{header}sshd[{}]: {message}", 2000 + number),
            }
        };
        let answers: Vec<_> = (0..12).map(|number| shipped.answer(&line(number), number)).collect();
        assert!(answers.iter().all(|answer| answer.srcip.as_deref() == Some("192.0.2.60")), "{header}: {answers:?}");
        assert_eq!((answers[0].rule, answers[0].decoder.as_deref()), (Some(5716), Some("sshd")), "{header}");
        assert!(answers.iter().any(|answer| answer.blocks), "{header}: {answers:?}");
    }
}

// C27: OpenWrt's dropbear.
#[test]
fn a_refused_login_of_openwrt_has_its_source() {
    let line =
        "Mon Aug  4 16:28:47 2025 authpriv.warn dropbear[2047]: Bad password attempt for 'root' from 192.0.2.60:48123";
    let answer = Shipped::new().answer(line, 0);
    assert_eq!((answer.rule, answer.srcip.as_deref()), (Some(51_003), Some("192.0.2.60")));
}
