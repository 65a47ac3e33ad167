//! `<custom_alert_output>`: the administrator's own one-line layout.

use super::text::{LINE_LIMIT_BYTES, visible};
use crate::model::{Alert, FieldName};

/// Appends `layout` with its tokens replaced, as one line.
///
/// A token name inside a value is *not* expanded again (OSSEC replaces one token after another, so
/// that a log line could pull in other values). Missing values read `None`.
pub fn custom_alert(out: &mut Vec<u8>, layout: &str, alert: &Alert) {
    let mut rest = layout;
    while let Some(at) = rest.find('$') {
        visible(out, &rest.as_bytes()[..at], usize::MAX);
        rest = &rest[at..];
        match TOKENS.iter().find(|(name, _)| rest.starts_with(name)) {
            Some((name, token)) => {
                push_token(out, *token, alert);
                rest = &rest[name.len()..];
            }
            None => {
                out.push(b'$');
                rest = &rest[1..];
            }
        }
    }
    visible(out, rest.as_bytes(), usize::MAX);
    out.push(b'\n');
}

#[derive(Clone, Copy)]
enum Token {
    Timestamp,
    Sequence,
    MailFlag,
    HostName,
    Location,
    RuleId,
    Level,
    Comment,
    SrcIp,
    DstUser,
    FullLog,
    Group,
}

const TOKENS: [(&str, Token); 12] = [
    ("$TIMESTAMP", Token::Timestamp),
    ("$FTELL", Token::Sequence),
    ("$RULEALERT", Token::MailFlag),
    ("$HOSTNAME", Token::HostName),
    ("$LOCATION", Token::Location),
    ("$RULEID", Token::RuleId),
    ("$RULELEVEL", Token::Level),
    ("$RULECOMMENT", Token::Comment),
    ("$SRCIP", Token::SrcIp),
    ("$DSTUSER", Token::DstUser),
    ("$FULLLOG", Token::FullLog),
    ("$RULEGROUP", Token::Group),
];

fn push_token(out: &mut Vec<u8>, token: Token, alert: &Alert) {
    let number;
    let value: Option<&[u8]> = match token {
        Token::Timestamp => {
            number = alert.id.epoch_seconds.to_string();
            Some(number.as_bytes())
        }
        Token::Sequence => {
            number = alert.id.sequence.to_string();
            Some(number.as_bytes())
        }
        Token::MailFlag => return out.extend_from_slice(if alert.mailed { b"mail " } else { b"" }),
        Token::HostName => Some(&alert.hostname),
        Token::Location => Some(alert.source.location.as_bytes()),
        Token::RuleId => {
            number = alert.rule.id.to_string();
            Some(number.as_bytes())
        }
        Token::Level => {
            number = alert.rule.level.to_string();
            Some(number.as_bytes())
        }
        Token::Comment => Some(alert.rule.description.as_bytes()),
        Token::SrcIp => alert.fields.value(&FieldName::SrcIp),
        Token::DstUser => alert.fields.value(&FieldName::DstUser),
        Token::FullLog => Some(&alert.full_log),
        Token::Group => Some(alert.rule.group.as_bytes()),
    };
    match value.filter(|value| !value.is_empty()) {
        Some(value) => visible(out, value, LINE_LIMIT_BYTES),
        None => out.extend_from_slice(b"None"),
    }
}
