//! Names known only to Wazuh, for specific diagnostics.

use super::SectionKind;

/// What to do about a section that only Wazuh has.
pub(in crate::config) fn wazuh_section(name: &str) -> Option<&'static str> {
    Some(match name {
        "ruleset" => "Wazuh only; list decoders and rules in `<rules>`, or remove it to use the shipped ruleset",
        "logging" => "Wazuh only; remove it",
        "auth"
        | "cluster"
        | "client_buffer"
        | "agent_config"
        | "labels"
        | "remote_configuration"
        | "task-manager"
        | "agent-upgrade" => "Wazuh only, requires its agents or servers; remove it",
        "integration" => "Wazuh only; use an `<active-response>` with a custom program, and remove it",
        "wodle"
        | "sca"
        | "vulnerability-detector"
        | "vulnerability-detection"
        | "vulnerability_detection"
        | "indexer"
        | "osquery"
        | "docker-listener"
        | "gcp-pubsub"
        | "gcp-bucket"
        | "github"
        | "office365"
        | "ms-graph"
        | "azure-logs"
        | "aws-s3"
        | "syscollector"
        | "fluent-forward"
        | "socket"
        | "rule_test"
        | "anti_tampering"
        | "command_control" => "Wazuh only; remove it",
        _ => return None,
    })
}

/// What to do about an option that only Wazuh has.
pub(in crate::config) fn wazuh_option(section: SectionKind, name: &str) -> Option<&'static str> {
    const REMOVE: &str = "Wazuh only, not supported by OSSEC or hids; remove it";
    let known: &[&str] = match section {
        SectionKind::Syscheck if matches!(name, "whodata" | "recursion_level" | "check_inode" | "check_mtime") => {
            return Some("this is an attribute of `<directories>`");
        }
        SectionKind::Syscheck => &[
            "synchronization",
            "max_eps",
            "file_limit",
            "diff",
            "allow_remote_prefilter_cmd",
            "tags",
            "follow_symbolic_link",
            "max_files_per_second",
            "registry_limit",
            "windows_audit_interval",
            "remove_old_diff",
            "restart_audit",
            "audit_key",
            "skip_dev",
            "skip_proc",
            "skip_sys",
            "database",
        ],
        SectionKind::LocalFile => match name {
            "multiline_regex" | "multi-line-regex" => {
                return Some("Wazuh only; use `<log_format>multi-line:N</log_format>` or `multi-line_indented`");
            }
            "exclude" => return Some("Wazuh only; use a narrower wildcard in `<location>`"),
            _ => &["out_format", "target", "label", "ignore", "restrict", "age", "filter", "reconnect_time", "strict"],
        },
        SectionKind::Command if name == "extra_args" => {
            return Some("Wazuh only; put the arguments into a wrapper program and remove it");
        }
        SectionKind::Global => &[
            "alerts_log",
            "agents_disconnection_time",
            "agents_disconnection_alert_time",
            "email_log_source",
            "update_check",
            "max_output_size",
            "rotate_interval",
            "limits",
            "queue_size",
        ],
        SectionKind::Rules => &["rule_exclude", "decoder_exclude"],
        SectionKind::Rootcheck => &["check_rc", "check_sysctl", "max_files"],
        SectionKind::ActiveResponse => &["ca_store", "ca_verification"],
        SectionKind::Remote => &["queue_size", "rids_closing_time", "agents", "connection_overtake_time"],
        SectionKind::Client => {
            &["server", "enrollment", "auto_restart", "ip_update_interval", "force_reconnect_interval"]
        }
        _ => &[],
    };
    known.contains(&name).then_some(REMOVE)
}
