//! The table of sections and options.

use super::Form::{List, Number, OneOf, Path, Seconds, Special, Text, Word, YesNo};
use super::{Form, OptionSpec, SectionKind, SectionSpec};

/// Levels that OSSEC can store.
const LEVEL: Form = Number(0, 255);
const PORT: Form = Number(1, 65535);

const fn option(name: &'static str, form: Form) -> OptionSpec {
    OptionSpec::new(name, form)
}

/// Every section.
pub(in crate::config) static SECTIONS: &[SectionSpec] = &[
    all(SectionKind::Global, "global", GLOBAL, None),
    all(SectionKind::Rules, "rules", RULES, None),
    all(SectionKind::Alerts, "alerts", ALERTS, None),
    each(SectionKind::LocalFile, "localfile", LOCAL_FILE, None),
    each(SectionKind::Command, "command", COMMAND, None),
    each(SectionKind::ActiveResponse, "active-response", ACTIVE_RESPONSE, None),
    each(SectionKind::EmailAlerts, "email_alerts", EMAIL_ALERTS, None),
    each(SectionKind::SyslogOutput, "syslog_output", SYSLOG_OUTPUT, None),
    all(SectionKind::Syscheck, "syscheck", SYSCHECK, None),
    all(SectionKind::Rootcheck, "rootcheck", ROOTCHECK, Some("rootkit and policy checks are not supported yet")),
    each(SectionKind::Reports, "reports", REPORTS, Some("daily reports are not supported yet")),
    each(SectionKind::DatabaseOutput, "database_output", DATABASE_OUTPUT, Some("database output is not supported")),
    each(SectionKind::Agentless, "agentless", AGENTLESS, Some("monitoring other hosts is not supported")),
    each(SectionKind::Remote, "remote", REMOTE, Some("hids is stand-alone and does not support agents")),
    all(SectionKind::Client, "client", CLIENT, Some("hids is stand-alone and does not report to a server")),
];

const fn all(
    kind: SectionKind,
    name: &'static str,
    options: &'static [OptionSpec],
    not_acted_on: Option<&'static str>,
) -> SectionSpec {
    SectionSpec { kind, name, one_thing_each: false, options, not_acted_on }
}

const fn each(
    kind: SectionKind,
    name: &'static str,
    options: &'static [OptionSpec],
    not_acted_on: Option<&'static str>,
) -> SectionSpec {
    SectionSpec { kind, name, one_thing_each: true, options, not_acted_on }
}

const STATISTICS: &str = "statistical alerts are not supported yet";
const FIXED_LEVEL: &str = "the level of such alerts is set by the rules, as in OSSEC";
const PRELUDE: &str = "Prelude output is not supported";
const ZEROMQ: &str = "ZeroMQ output is not supported";
const GEOIP: &str = "GeoIP lookups are not supported";
const WINDOWS: &str = "Windows only";

const GLOBAL: &[OptionSpec] = &[
    option("email_notification", YesNo),
    option("email_to", Special).repeats(),
    option("email_from", Special),
    option("email_reply_to", Special),
    option("email_idsname", Word),
    option("smtp_server", Special),
    option("helo_server", Special),
    option("smtp_port", PORT),
    option("email_maxperhour", Number(1, 9999)),
    option("email_urgent_level", Word),
    option("email_layout", Word),
    option("auth_smtp", YesNo),
    option("secure_smtp", YesNo),
    option("smtp_tls_verify", YesNo),
    option("smtp_user", Word),
    option("smtp_password", Text),
    option("logall", YesNo),
    option("logall_json", YesNo),
    option("jsonout_output", YesNo),
    option("alert_grouping", YesNo),
    option("alert_fold_above", Number(0, 1_000_000)),
    option("disk_reserve_mb", Number(0, 1 << 30)),
    option("stats", Number(0, 255)).not_yet(STATISTICS),
    option("integrity_checking", LEVEL).no_effect(FIXED_LEVEL),
    option("rootkit_detection", LEVEL).no_effect(FIXED_LEVEL),
    option("host_information", LEVEL).no_effect(FIXED_LEVEL),
    option("memory_size", Number(0, 1_000_000)),
    option("white_list", Special).repeats(),
    option("allow_list", Special).repeats(),
    option("custom_alert_output", Text),
    option("compress_alerts", Text).no_effect(
        "also ignored by OSSEC; see `monitord.compress` in \
         internal_options.conf",
    ),
    option("prelude_output", YesNo).no_effect(PRELUDE),
    option("prelude_profile", Text).no_effect(PRELUDE),
    option("prelude_log_level", LEVEL).no_effect(PRELUDE),
    option("zeromq_output", YesNo).no_effect(ZEROMQ),
    option("zeromq_uri", Text).no_effect(ZEROMQ),
    option("zeromq_server_cert", Text).no_effect(ZEROMQ),
    option("zeromq_client_cert", Text).no_effect(ZEROMQ),
    option("geoipdb", Path).no_effect(GEOIP),
    option("geoip_db_path", Path).no_effect(GEOIP),
    option("geoip6_db_path", Path).no_effect(GEOIP),
    option("md5_whitelist", Path).no_effect("only supported by some OSSEC builds"),
    option("md5_allowlist", Path).no_effect("only supported by some OSSEC builds"),
];

const ALERTS: &[OptionSpec] = &[
    option("log_alert_level", LEVEL),
    option("email_alert_level", LEVEL),
    option("use_geoip", YesNo).no_effect(GEOIP),
];

const RULES: &[OptionSpec] = &[
    option("include", Path).repeats(),
    option("rule", Path).repeats(),
    option("rule_dir", Path).repeats(),
    option("decoder", Path).repeats(),
    option("decoder_dir", Path).repeats(),
    option("list", Path).repeats(),
    option("hardened_decoders", YesNo),
];

const SYSCHECK: &[OptionSpec] = &[
    option("directories", List).repeats(),
    option("ignore", Text).repeats(),
    option("nodiff", Text).repeats(),
    option("frequency", Seconds),
    option("scan_time", Special),
    option("scan_day", Special),
    option("scan_on_start", YesNo),
    option("disabled", YesNo),
    option("skip_nfs", YesNo),
    option("auto_ignore", YesNo),
    option("alert_new_files", YesNo),
    option("prefilter_cmd", Special),
    option("package_updates", OneOf(&["alert", "summarise"])),
    option("protect_mode", OneOf(&["monitor", "enforce"])),
    option("protect_allow", Special).repeats(),
    option("scan_rate", Number(0, 1 << 20)),
    option("process_priority", Special),
    option("diff_size_limit", Special),
    option("windows_registry", Text).repeats().no_effect(WINDOWS),
    option("registry_ignore", Text).repeats().no_effect(WINDOWS),
];

const ROOTCHECK: &[OptionSpec] = &[
    option("frequency", Seconds),
    option("disabled", YesNo),
    option("scanall", YesNo),
    option("readall", YesNo),
    option("skip_nfs", YesNo),
    option("base_directory", Path),
    option("rootkit_files", Path),
    option("rootkit_trojans", Path),
    option("system_audit", Path).repeats(),
    option("ignore", Path).repeats(),
    option("check_dev", YesNo),
    option("check_files", YesNo),
    option("check_if", YesNo),
    option("check_pids", YesNo),
    option("check_ports", YesNo),
    option("check_sys", YesNo),
    option("check_trojans", YesNo),
    option("check_unixaudit", YesNo),
    option("check_winapps", Text).no_effect(WINDOWS),
    option("check_winaudit", Text).no_effect(WINDOWS),
    option("check_winmalware", Text).no_effect(WINDOWS),
    option("windows_audit", Text).repeats().no_effect(WINDOWS),
    option("windows_apps", Text).repeats().no_effect(WINDOWS),
    option("windows_malware", Text).repeats().no_effect(WINDOWS),
];

const LOCAL_FILE: &[OptionSpec] = &[
    option("location", Special),
    option("log_format", Special),
    option("command", List),
    option("alias", Text),
    option("frequency", Special),
    option("only-future-events", Text).no_effect("Windows only; new log files are always read from their end"),
    option("query", Text).no_effect(WINDOWS),
    option("filter", Text).repeats(),
    option("unit", Word).repeats(),
    option("trusted", Word).repeats(),
];

const COMMAND: &[OptionSpec] =
    &[option("name", Special), option("executable", Special), option("expect", List), option("timeout_allowed", YesNo)];

const ACTIVE_RESPONSE: &[OptionSpec] = &[
    option("command", Special),
    option("location", Special),
    option("agent_id", Word).no_effect("agents are not supported; responses run on this host"),
    option("rules_id", List).repeats(),
    option("rules_group", Text),
    option("level", Number(0, 20)),
    option("timeout", Seconds),
    option("disabled", YesNo),
    option("repeated_offenders", List),
];

const EMAIL_ALERTS: &[OptionSpec] = &[
    option("email_to", Special),
    option("level", LEVEL),
    option("rule_id", List).repeats(),
    option("group", Text),
    option("event_location", Text),
    option("format", OneOf(&["default"])),
    option("do_not_delay", Text),
    option("do_not_group", Text),
];

const SYSLOG_OUTPUT: &[OptionSpec] = &[
    option("server", Special),
    option("port", PORT),
    option("format", OneOf(&["default", "cef", "json", "splunk"])),
    option("level", LEVEL),
    option("rule_id", List).repeats(),
    option("group", Text),
    option("location", Text),
    option("use_fqdn", YesNo),
    option("protocol", OneOf(&["udp", "tcp"])),
    option("tls", YesNo),
    option("tls_verify", YesNo),
    option("tls_ca", Path),
];

const REPORTS: &[OptionSpec] = &[
    option("title", Text).repeats(),
    option("type", OneOf(&["email"])),
    option("email_to", Special).repeats(),
    option("category", Text).repeats(),
    option("group", Text).repeats(),
    option("rule", Text).repeats(),
    option("level", Text).repeats(),
    option("location", Text).repeats(),
    option("srcip", Text).repeats(),
    option("user", Text).repeats(),
    option("showlogs", Text),
    option("frequency", Text).no_effect("also ignored by OSSEC; reports are daily"),
];

const DATABASE_OUTPUT: &[OptionSpec] = &[
    option("hostname", Word),
    option("username", Word),
    option("password", Text),
    option("database", Word),
    option("port", PORT),
    option("socket", Path),
    option("type", OneOf(&["mysql", "postgresql"])),
];

const REMOTE: &[OptionSpec] = &[
    option("connection", OneOf(&["syslog", "secure"])),
    option("port", PORT),
    option("protocol", OneOf(&["udp", "tcp"])),
    option("ipv6", YesNo),
    option("local_ip", Special),
    option("allowed-ips", Special).repeats(),
    option("denied-ips", Special).repeats(),
    option("crypto_accept", Text),
];

const CLIENT: &[OptionSpec] = &[
    option("server-ip", Special).repeats(),
    option("server-hostname", Word).repeats(),
    option("local_ip", Special),
    option("port", PORT),
    option("notify_time", Seconds),
    option("time-reconnect", Seconds),
    option("config-profile", Text),
    option("disable-active-response", YesNo),
    option("crypto_method", Text),
];

const AGENTLESS: &[OptionSpec] = &[
    option("host", Word).repeats(),
    option("port", PORT),
    option("type", Word),
    option("frequency", Seconds),
    option("state", OneOf(&["periodic", "periodic_diff", "stay_connected"])),
    option("run_command", Text),
    option("arguments", Text),
];
