//! Names that only the Wazuh fork has in rules, with what OSSEC has in their place.

/// What to do about an element that only Wazuh has.
pub(super) fn element(name: &str) -> Option<&'static str> {
    Some(match name {
        "same_srcip" => "it is Wazuh's; OSSEC's name is same_source_ip",
        "same_srcuser" => {
            "it is Wazuh's; same_user compares the user acted upon (dstuser), or let the decoder name that one `user`"
        }
        "same_dstuser" => "it is Wazuh's; OSSEC's name is same_user",
        "same_srcport" | "same_source_port" => "it is Wazuh's; OSSEC's name is same_src_port",
        "same_dstport" | "same_dest_port" => "it is Wazuh's; OSSEC's name is same_dst_port",
        "same_agent" | "different_agent" => {
            "it is Wazuh's; same_location compares host names, and there are no agents here: remove it"
        }
        "same_dstip" | "same_protocol" | "same_action" | "same_url" | "same_data" | "same_extra_data"
        | "same_status" | "same_system_name" | "same_srcgeoip" | "same_dstgeoip" | "same_field" => {
            "it is Wazuh's; only source address, user, ports, id and host name can be compared: let the decoder put the value into `id` and use same_id"
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
            "it is Wazuh's; OSSEC can only ask for a different_url: remove it, or let the decoder put the value into `url`"
        }
        "global_frequency" => "it is Wazuh's; events are always counted over all sources of logs: remove it",
        "mitre" => "it is Wazuh's; write the technique into <group>, which alerts show: <group>mitre_t1110,</group>",
        "location" => "it is Wazuh's; <hostname> tests the host, and a decoder of its own tells what a file holds",
        "protocol" | "system_name" | "data" | "srcuser" | "dstuser" => {
            "it is Wazuh's; <extra_data>, <user>, <status> and <id> test fields, and <field name=\"…\"> a field of the decoder's own: let the decoder use such a name"
        }
        "var" => "a <var> stands before the <group>, not in a rule",
        _ => return None,
    })
}

/// What to do about a word of `<options>` that only Wazuh has.
pub(super) fn option(word: &str) -> Option<&'static str> {
    match word {
        "no_full_log" => {
            Some("it is Wazuh's: it leaves the line out of the alert, which is always shown here; remove it")
        }
        "no_counter" => Some("it is Wazuh's: it leaves a counter out of the alert; remove it"),
        word if word.contains(',') || word.contains(' ') => Some("write one <options> element for each word"),
        _ => None,
    }
}
