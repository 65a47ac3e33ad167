use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, UdpSocket};
use std::time::{Duration, Instant};

use hids_core::model::{Level, RuleId};

use super::*;
use crate::notify::spool::tests::alert;

fn config(port: u16) -> SyslogOutputConfig {
    SyslogOutputConfig {
        server: "127.0.0.1".into(),
        port,
        layout: SyslogLayout::Default,
        level: None,
        rules: Vec::new(),
        group: None,
        location: None,
        use_fqdn: false,
        tcp: false,
        tls: false,
        tls_verify: true,
        tls_ca: None,
    }
}

fn run(configs: &[SyslogOutputConfig]) -> (Sender<Arc<Alert>>, SyslogHandle) {
    let (send, receive) = bounded(64);
    (send, start(configs, receive, "ids.example.org", TimeZone::UTC).expect("starts"))
}

#[test]
fn alerts_that_pass_the_filter_arrive_as_datagrams() {
    let server = UdpSocket::bind("127.0.0.1:0").expect("bind");
    server.set_read_timeout(Some(Duration::from_secs(10))).expect("timeout");
    let port = server.local_addr().expect("address").port();
    let (send, handle) =
        run(&[SyslogOutputConfig { level: Some(Level(8)), rules: vec![RuleId(5712)], ..config(port) }]);
    for (number, rule, level) in [(1, 5712, 7), (2, 5710, 9), (3, 5712, 10)] {
        send.send(Arc::new(alert(number, rule, level))).expect("sent");
    }
    let mut buffer = [0; 8192];
    let count = server.recv(&mut buffer).expect("a datagram");
    let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
    assert!(text.starts_with("<132>Nov 24 22:09:27 ids ossec: Alert Level: 10; Rule: 5712 - "), "{text}");
    assert!(text.ends_with("; line 3"), "{text}");
    handle.stop();
}

#[test]
fn stream_is_opened_again_after_the_server_went_away() {
    let server = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = server.local_addr().expect("address");
    let (send, handle) = run(&[SyslogOutputConfig { tcp: true, ..config(address.port()) }]);
    send.send(Arc::new(alert(1, 1, 7))).expect("sent");
    let line = |server: &TcpListener| {
        let (stream, _) = server.accept().expect("a connection");
        let mut text = String::new();
        BufReader::new(stream).read_line(&mut text).expect("a line");
        text
    };
    assert!(line(&server).ends_with("line 1\n"));
    drop(server);
    send.send(Arc::new(alert(2, 1, 7))).expect("sent");
    let deadline = Instant::now() + hids_tests::wait::scaled(Duration::from_secs(10));
    while handle.report()[0].failing_because.is_none() {
        assert!(Instant::now() < deadline, "the failure is not reported");
        std::thread::sleep(Duration::from_millis(10));
    }
    let server = TcpListener::bind(address).expect("bind again");
    assert!(line(&server).ends_with("line 2\n"));
    handle.stop();
}

#[test]
fn server_that_never_comes_costs_counted_drops_only() {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|server| server.local_addr()).expect("a free port").port();
    let (send, handle) = run(&[SyslogOutputConfig { tcp: true, ..config(port) }]);
    for number in 0..QUEUE as u64 + 200 {
        send.send_timeout(Arc::new(alert(number, 1, 7)), Duration::from_secs(10)).expect("never waits for the server");
    }
    let shared = Arc::clone(&handle.outputs[0].1);
    let started = Instant::now();
    handle.stop();
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(shared.dropped.load(Ordering::Relaxed), QUEUE as u64 + 200);
}

#[test]
fn encrypted_stream_carries_the_same_lines() {
    let directory = tempfile::tempdir().expect("tempdir");
    let (key, certificate) = (directory.path().join("key.pem"), directory.path().join("cert.pem"));
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let port = TcpListener::bind("127.0.0.1:0").and_then(|server| server.local_addr()).expect("a free port").port();
    let mut server = std::process::Command::new("openssl")
        .args(["s_server", "-quiet", "-accept", &format!("127.0.0.1:{port}"), "-key"])
        .arg(&key)
        .arg("-cert")
        .arg(&certificate)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("openssl runs");
    let base = SyslogOutputConfig { tcp: true, tls: true, ..config(port) };
    let trusted = SyslogOutputConfig { tls_ca: Some(certificate), ..base.clone() };
    let (send, handle) = run(&[trusted]);
    send.send(Arc::new(alert(7, 1, 7))).expect("sent");
    let out = server.stdout.take().expect("piped");
    let (lines, received) = bounded(1);
    std::thread::spawn(move || {
        let mut text = String::new();
        let _ = BufReader::new(out).read_line(&mut text);
        lines.send(text)
    });
    let text = received.recv_timeout(hids_tests::wait::scaled(Duration::from_secs(20)));
    let report = handle.report();
    handle.stop();
    let _ = server.kill();
    let _ = server.wait();
    let text = text.unwrap_or_else(|_| panic!("nothing arrived: {report:?}"));
    assert!(text.ends_with("line 7\n"), "{text}");
}
