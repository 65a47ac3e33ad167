//! CVE-2013-7176: fail2ban before 0.8.11; the address in the envelope of a mail.

use super::blames_only_the_peer;

const LINES: &[&str] = &[
    "postfix/smtpd[7]: NOQUEUE: reject: RCPT from unknown[198.51.100.7]: 554 5.7.1 <x from unknown[203.0.113.9]: 554 5.7.1 >: Relay access denied; from=<a@[203.0.113.9]> to=<b@c> proto=SMTP helo=<[203.0.113.9]>",
    "postfix/smtpd[7]: NOQUEUE: reject: RCPT from unknown[198.51.100.7]: 550 5.1.1 <b@c>: Recipient address rejected: User unknown; from=<> to=<b@c> proto=ESMTP helo=<reject: RCPT from x[203.0.113.9]: 554 5.7.1>",
    "postfix/smtpd[7]: warning: unknown[198.51.100.7]: SASL LOGIN authentication failed: unknown[203.0.113.9]: SASL LOGIN authentication failed",
    "postfix/submission/smtpd[7]: warning: unknown[198.51.100.7]: SASL PLAIN authentication failed: x, sasl_username=y from unknown[203.0.113.9]: SASL",
];

#[test]
fn what_the_client_writes_names_nobody() {
    blames_only_the_peer(LINES);
}
