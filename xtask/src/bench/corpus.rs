//! Log lines made for measuring.

/// Address number `number`, out of 198.18.0.0/15 and what follows it (RFC 2544: measuring only; the
/// numbers above 131,071 leave that range, which matters to nobody inside a namespace).
pub(super) fn address(number: u32) -> String {
    std::net::Ipv4Addr::from(u32::from_be_bytes([198, 18, 0, 1]) + number).to_string()
}

/// A line of sshd about a wrong password from `address`.
pub(super) fn wrong_password(address: &str) -> String {
    format!("{} www1 sshd[4242]: Failed password for root from {address} port 50022 ssh2\n", now())
}

/// `count` lines as a web server's day has them: mostly of no interest, some attacks.
pub(super) fn mixed(count: u32) -> String {
    let mut text = String::new();
    for number in 0..count {
        let address = address(number % 5000);
        let (minute, second) = (number / 6000 % 60, number / 100 % 60);
        let time = format!("Nov 25 {:02}:{minute:02}:{second:02} www1", number / 360_000 % 24);
        text += &match number % 16 {
            0 => format!(
                "{time} sshd[{number}]: Failed password for invalid user admin from {address} port 50022 ssh2\n"
            ),
            1 => format!(
                "{time} sshd[{number}]: Accepted publickey for deploy from {address} port 50022 ssh2: ED25519 SHA256:abc\n"
            ),
            2 => format!(
                "{time} CRON[{number}]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)\n"
            ),
            3 => format!(
                "{time} sudo:   deploy : TTY=pts/0 ; PWD=/srv ; USER=root ; COMMAND=/usr/bin/systemctl restart app\n"
            ),
            4 => format!("{time} kernel: [123456.789012] eth0: Link is Up - 1Gbps/Full - flow control rx/tx\n"),
            5 => format!("{time} postfix/smtpd[{number}]: connect from unknown[{address}]\n"),
            6 => format!("{time} systemd[1]: Started Daily apt download activities.\n"),
            _ => web_request(&address, number),
        };
    }
    text
}

fn web_request(address: &str, number: u32) -> String {
    let (path, status) = match number % 97 {
        0 => ("/index.php?id=1%20union%20select%20password", 404),
        1 => ("/../../etc/passwd", 400),
        2 => ("/missing.html", 404),
        _ => ("/articles/2026/a-page-that-exists.html", 200),
    };
    let (minute, second) = (number / 6000 % 60, number / 100 % 60);
    let time = format!("25/Nov/2026:{:02}:{minute:02}:{second:02} +0000", number / 360_000 % 24);
    format!("{address} - - [{time}] \"GET {path} HTTP/1.1\" {status} 5123 \"-\" \"Mozilla/5.0 (X11; Linux x86_64)\"\n")
}

/// The time of day as syslog writes it. Only the daemon's own clock decides about blocks, so that the
/// date is a fixed one does not matter.
fn now() -> String {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_secs());
    format!("Nov 25 {:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)
}
