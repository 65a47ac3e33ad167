//! Groups of AIDE: what is compared of a file.

use std::collections::BTreeMap;

/// What is compared, in the words of `<directories>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    /// Names of attributes of `<directories>`, in their usual order.
    pub checks: Vec<&'static str>,
    /// Attributes of AIDE without an equivalent.
    pub others: Vec<String>,
}

/// Attributes of AIDE, and what compares the same; empty: always compared, or part of another.
const ATTRIBUTES: [(&str, &str); 34] = [
    ("p", "check_perm"),
    ("i", "check_inode"),
    ("u", "check_owner"),
    ("g", "check_group"),
    ("s", "check_size"),
    ("m", "check_mtime"),
    ("md5", "check_md5sum"),
    ("sha1", "check_sha1sum"),
    ("sha256", "check_sha256sum"),
    // Another sum over the same content finds the same.
    ("sha512", "check_sha256sum"),
    ("sha512_256", "check_sha256sum"),
    ("sha3_256", "check_sha256sum"),
    ("sha3_512", "check_sha256sum"),
    ("rmd160", "check_sha256sum"),
    ("tiger", "check_sha256sum"),
    ("haval", "check_sha256sum"),
    ("crc32", "check_sha256sum"),
    ("crc32b", "check_sha256sum"),
    ("gost", "check_sha256sum"),
    ("whirlpool", "check_sha256sum"),
    ("stribog256", "check_sha256sum"),
    ("stribog512", "check_sha256sum"),
    ("ftype", ""),
    ("l", ""),
    ("acl", ""),
    ("selinux", ""),
    ("xattrs", ""),
    ("caps", ""),
    // A file with a new time of its last change is looked at anyway.
    ("c", ""),
    ("b", ""),
    ("a", ""),
    ("ANF", ""),
    ("ARF", ""),
    ("I", ""),
];

/// The groups that AIDE has itself (aide.conf(5)).
pub(super) fn predefined() -> BTreeMap<String, Attributes> {
    let definitions = [
        ("R", "p+ftype+i+l+n+u+g+s+m+c+md5"),
        ("L", "p+ftype+i+l+n+u+g+acl+selinux+xattrs"),
        (">", "p+ftype+l+u+g+i+n+S+acl+selinux+xattrs"),
        ("E", ""),
        ("H", "md5+sha1+sha256"),
        ("X", "acl+selinux+xattrs+caps"),
    ];
    let mut groups = BTreeMap::new();
    for (name, expression) in definitions {
        let attributes = evaluate(expression, &groups).unwrap_or_default();
        groups.insert(name.to_owned(), attributes);
    }
    groups
}

/// What `p+u-NAME` stands for; `None` if a name is unknown.
pub(super) fn evaluate(expression: &str, groups: &BTreeMap<String, Attributes>) -> Option<Attributes> {
    let mut found = Attributes::default();
    let mut is_added = true;
    let mut rest = expression.trim();
    while !rest.is_empty() {
        let end = rest.find(['+', '-']).unwrap_or(rest.len());
        let name = rest[..end].trim();
        if !name.is_empty() {
            let one = of_name(name, groups)?;
            if is_added {
                one.checks.iter().for_each(|check| add(&mut found.checks, check));
                one.others.iter().for_each(|other| add(&mut found.others, other));
            } else {
                found.checks.retain(|check| !one.checks.contains(check));
                found.others.retain(|other| !one.others.contains(other));
            }
        }
        is_added = !rest[end..].starts_with('-');
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    found.checks.sort_by_key(|check| ATTRIBUTES.iter().position(|(_, name)| name == check));
    Some(found)
}

fn add<T: PartialEq + Clone>(list: &mut Vec<T>, one: &T) {
    if !list.contains(one) {
        list.push(one.clone());
    }
}

fn of_name(name: &str, groups: &BTreeMap<String, Attributes>) -> Option<Attributes> {
    if let Some(group) = groups.get(name) {
        return Some(group.clone());
    }
    if let Some((_, check)) = ATTRIBUTES.iter().find(|(known, _)| *known == name) {
        let checks = if check.is_empty() { Vec::new() } else { vec![*check] };
        return Some(Attributes { checks, others: Vec::new() });
    }
    // The number of links, growing files, attributes of ext filesystems.
    let is_known = matches!(name, "n" | "S" | "growing" | "compressed" | "e2fsattrs" | "fstype");
    is_known.then(|| Attributes { checks: Vec::new(), others: vec![name.to_owned()] })
}
