//! Names that only the Wazuh fork has in rules, with what OSSEC has in their place.

/// What to do about an element that only Wazuh has.
pub(super) fn element(name: &str) -> Option<&'static str> {
    Some(match name {
        "same_srcip" => "Wazuh only; OSSEC's name is same_source_ip",
        "same_srcuser" => {
            "Wazuh only; same_user compares the target user (dstuser), or have the decoder extract it as `user`"
        }
        "same_dstuser" => "Wazuh only; OSSEC's name is same_user",
        "same_srcport" | "same_source_port" => "Wazuh only; OSSEC's name is same_src_port",
        "same_dstport" | "same_dest_port" => "Wazuh only; OSSEC's name is same_dst_port",
        "same_agent" | "different_agent" => {
            "Wazuh only; same_location compares host names, and there are no agents here: remove it"
        }
        "same_dstip" | "same_protocol" | "same_action" | "same_url" | "same_data" | "same_extra_data"
        | "same_status" | "same_system_name" | "same_srcgeoip" | "same_dstgeoip" | "same_field" => {
            "Wazuh only; only source address, user, ports, id and host name can be compared: have the decoder \
             extract the value as `id` and use same_id"
        }
        "different_srcuser"
        | "different_user"
        | "different_dstip"
        | "different_srcport"
        | "different_dstport"
        | "different_location"
        | "different_protocol"
        | "different_action"
        | "different_id"
        | "different_data"
        | "different_extra_data"
        | "different_status"
        | "different_system_name"
        | "different_dstgeoip"
        | "different_field"
        | "not_same_field" => {
            "Wazuh only; OSSEC supports only different_url: remove it, or have the decoder extract the value as `url`"
        }
        "global_frequency" => "Wazuh only; events are always counted across all log sources: remove it",
        "location" => {
            "Wazuh only; <hostname> matches the host, and a dedicated decoder identifies the content of a file"
        }
        "protocol" | "system_name" | "data" | "srcuser" | "dstuser" => {
            "Wazuh only; <extra_data>, <user>, <status> and <id> match fields, and <field name=\"…\"> matches a \
             custom field: have the decoder use such a name"
        }
        "var" => "a <var> must be placed before the <group>, not in a rule",
        _ => return None,
    })
}

/// What to do about a word of `<options>` that only Wazuh has.
pub(super) fn option(word: &str) -> Option<&'static str> {
    match word {
        "no_full_log" => {
            Some("Wazuh only: it omits the log line from the alert, which is always shown here; remove it")
        }
        "no_counter" => Some("Wazuh only: it omits a counter from the alert; remove it"),
        word if word.contains(',') || word.contains(' ') => Some("use a separate <options> element for each word"),
        _ => None,
    }
}
