//! Which rules stand for a filter of fail2ban: the composite rules that count failures of one source.

/// What is known of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// Its failures are counted by these rules.
    Rules(&'static [u32]),
    /// Something else of hids does its work.
    Otherwise(&'static str),
}

/// Names of fail2ban's filters and ids of rules.
const FILTERS: [(&str, Service); 40] = [
    ("sshd", Service::Rules(&[5712, 5720, 5551, 99_026, 99_023])),
    ("dropbear", Service::Rules(&[51_004])),
    ("pam-generic", Service::Rules(&[5551])),
    ("apache-auth", Service::Rules(&[30_310, 99_061, 99_062])),
    ("apache-badbots", Service::Rules(&[31_151])),
    ("apache-noscript", Service::Rules(&[31_151])),
    ("apache-botsearch", Service::Rules(&[31_151])),
    ("apache-nohome", Service::Rules(&[31_151])),
    ("apache-overflows", Service::Rules(&[30_116, 30_316])),
    ("apache-modsecurity", Service::Rules(&[30_119, 30_412])),
    ("apache-shellshock", Service::Otherwise("rule 31166 alerts on the first attempt")),
    ("nginx-http-auth", Service::Rules(&[31_316])),
    ("nginx-botsearch", Service::Rules(&[31_151])),
    ("nginx-bad-request", Service::Rules(&[31_151])),
    ("nginx-forbidden", Service::Rules(&[31_151])),
    ("php-url-fopen", Service::Otherwise("rules 31501 to 31550 alert on such requests")),
    ("postfix", Service::Rules(&[3351, 3352, 3353, 3354, 3356])),
    ("postfix-rbl", Service::Rules(&[3356])),
    ("postfix-sasl", Service::Rules(&[3357])),
    ("dovecot", Service::Rules(&[9750, 9751])),
    ("sieve", Service::Rules(&[9750, 9751])),
    ("exim", Service::Rules(&[13_007])),
    ("exim-spam", Service::Rules(&[13_007])),
    ("sendmail-auth", Service::Rules(&[3158])),
    ("sendmail-reject", Service::Rules(&[3154, 3156])),
    ("courier-auth", Service::Rules(&[3910])),
    ("courier-smtp", Service::Rules(&[3910])),
    ("cyrus-imap", Service::Rules(&[3651])),
    ("uwimap-auth", Service::Rules(&[3651])),
    ("roundcube-auth", Service::Rules(&[9403])),
    ("vsftpd", Service::Rules(&[11_451])),
    ("proftpd", Service::Rules(&[11_251])),
    ("pure-ftpd", Service::Rules(&[11_306])),
    ("wuftpd", Service::Rules(&[5551])),
    ("named-refused", Service::Rules(&[12_149])),
    ("mysqld-auth", Service::Rules(&[99_060])),
    ("asterisk", Service::Rules(&[6250, 6251])),
    ("wordpress", Service::Rules(&[31_510])),
    ("proxmox", Service::Rules(&[53_402])),
    ("recidive", Service::Otherwise("repeated offenders are blocked for longer (<repeated_offenders>)")),
];

/// What stands for the filter of that name.
pub(super) fn of(filter: &str) -> Option<Service> {
    let filter = filter.to_ascii_lowercase();
    FILTERS.iter().find(|(name, _)| *name == filter).map(|(_, service)| *service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_is_a_composite_rule_of_the_shipped_ruleset() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/ruleset/rules");
        let mut text = String::new();
        for entry in std::fs::read_dir(folder).expect("the ruleset") {
            text.push_str(&std::fs::read_to_string(entry.expect("an entry").path()).expect("text"));
        }
        for (name, service) in FILTERS {
            let Service::Rules(ids) = service else { continue };
            for id in ids {
                let tag = text.lines().find(|line| line.contains(&format!("<rule id=\"{id}\" "))).unwrap_or_default();
                assert!(tag.contains("frequency=") && tag.contains("timeframe="), "{name}: {id} {tag}");
            }
        }
    }
}
