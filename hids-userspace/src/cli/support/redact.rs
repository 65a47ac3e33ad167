//! Takes secrets out of texts.

/// What is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Redaction {
    /// Passwords.
    Secrets,
    /// Mail addresses as well.
    SecretsAndMail,
}

/// What stands in the place of a secret.
const REPLACED: &[u8] = b"********";
/// In the place of a mail address.
const ADDRESS: &[u8] = b"address@redacted";
/// Ends of the names of elements that hold a secret; also in comments, where an old password may be.
const SECRET: &[u8] = b"password";

/// The text without secrets.
pub(super) fn redacted(text: &[u8], redaction: Redaction) -> Vec<u8> {
    let text = without_passwords(text);
    match redaction {
        Redaction::Secrets => text,
        Redaction::SecretsAndMail => without_addresses(&text),
    }
}

/// Replaces what stands between `…password…>` and the next `<`, across lines, however well-formed the rest is.
fn without_passwords(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = find_secret(rest) {
        let (before, behind) = rest.split_at(at + SECRET.len());
        out.extend_from_slice(before);
        rest = behind;
        let Some(end) = rest.iter().position(|byte| matches!(byte, b'>' | b'<' | b'\n')) else { break };
        let is_closing =
            before.iter().rposition(|&byte| byte == b'<').is_some_and(|open| before.get(open + 1) == Some(&b'/'));
        if rest[end] != b'>' || is_closing {
            continue;
        }
        out.extend_from_slice(&rest[..=end]);
        rest = &rest[end + 1..];
        // `\<` is part of a value.
        let ends = |at: usize| rest[at] == b'<' && !(at > 0 && rest[at - 1] == b'\\');
        let length = (0..rest.len()).find(|&at| ends(at)).unwrap_or(rest.len());
        if !rest[..length].trim_ascii().is_empty() {
            out.extend_from_slice(REPLACED);
        }
        rest = &rest[length..];
    }
    out.extend_from_slice(rest);
    out
}

fn find_secret(text: &[u8]) -> Option<usize> {
    text.windows(SECRET.len()).position(|window| window.eq_ignore_ascii_case(SECRET))
}

/// Replaces what has the form of a mail address.
fn without_addresses(text: &[u8]) -> Vec<u8> {
    let is_local = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(byte);
    let is_domain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&byte| byte == b'@') {
        let (before, behind) = rest.split_at(at);
        let local = before.iter().rev().take_while(|byte| is_local(byte)).count();
        let domain = behind[1..].iter().take_while(|byte| is_domain(byte)).count();
        if local > 0 && domain > 0 {
            out.extend_from_slice(&before[..at - local]);
            out.extend_from_slice(ADDRESS);
        } else {
            out.extend_from_slice(&rest[..=at + domain]);
        }
        rest = &behind[1 + domain..];
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str, redaction: Redaction) -> String {
        String::from_utf8(redacted(text.as_bytes(), redaction)).expect("text")
    }

    #[test]
    fn passwords_are_replaced_wherever_they_stand() {
        let text = "<smtp_password>s3\ncret</smtp_password> <!-- <SMTP_Password >old</SMTP_Password> -->\n<password/> no \
                    password here\n<smtp_user>me</smtp_user><password>x";
        let expected = "<smtp_password>********</smtp_password> <!-- <SMTP_Password >********</SMTP_Password> \
                        -->\n<password/>********<smtp_user>me</smtp_user><password>********";
        let found = shown(text, Redaction::Secrets);
        assert!(!found.contains("s3") && !found.contains("old") && found.contains("<smtp_user>me<"), "{found}");
        assert_eq!(found, expected);
    }

    #[test]
    fn an_escaped_bracket_does_not_end_a_password() {
        let text = r"<smtp_password>a\<s3cret</smtp_password>";
        assert_eq!(shown(text, Redaction::Secrets), "<smtp_password>********</smtp_password>");
    }

    #[test]
    fn mail_addresses_are_replaced_on_demand() {
        let text = "<email_to>ops+x@example.com</email_to> a@b, user@ @host";
        assert_eq!(shown(text, Redaction::Secrets), text);
        let expected = "<email_to>address@redacted</email_to> address@redacted, user@ @host";
        assert_eq!(shown(text, Redaction::SecretsAndMail), expected);
    }

    proptest! {
        #[test]
        fn no_password_and_no_address_is_left(secret in "[a-z0-9]{6,12}Q", around in "[a-z<>/ \n@]{0,40}") {
            let text = format!("{around}\n<smtp_password>{secret}</smtp_password>{around} {secret}@example.com");
            let found = shown(&text, Redaction::SecretsAndMail);
            prop_assert!(!found.contains(&secret), "{}", found);
        }

        #[test]
        fn any_bytes_are_taken_without_panic(text in any::<Vec<u8>>()) {
            redacted(&text, Redaction::SecretsAndMail);
        }
    }
}
