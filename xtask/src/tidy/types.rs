//! Types that one can hold in one's head: few fields, and methods in one place.

use std::collections::{BTreeMap, BTreeSet};

use super::imports::{Methods, Resolver};
use super::ratchet::Ratchet;
use super::{Finding, Weight};

/// Fields of a struct with methods: whoever changes one must know what the others are for.
const MOST_FIELDS: usize = 15;

/// There are none, and none may come.
const WIDE: Ratchet = Ratchet {
    rule: "fields",
    place: "xtask/src/tidy/types.rs",
    what: "structs with methods have more than 15 fields",
    limit: 0,
};

/// There are none, and none may come.
const SPREAD: Ratchet = Ratchet {
    rule: "one-impl",
    place: "xtask/src/tidy/types.rs",
    what: "types have methods in several files",
    limit: 0,
};

/// Checks every struct of the workspace.
pub(super) fn check(workspace: &Resolver<'_>, findings: &mut Vec<Finding>) {
    let methods = workspace.methods();
    let wide: Vec<Finding> = wide(workspace, &methods).collect();
    WIDE.check(wide.len(), wide, findings);
    let spread = spread(&methods);
    SPREAD.check(spread.len(), spread, findings);
}

fn wide(workspace: &Resolver<'_>, methods: &[Methods]) -> impl Iterator<Item = Finding> {
    let with_methods: BTreeSet<(&str, &str)> =
        methods.iter().filter(|block| block.take_self).map(|block| (&*block.defined_in, &*block.name)).collect();
    let structs = workspace.structs().filter(move |(file, found)| {
        found.fields > MOST_FIELDS && with_methods.contains(&(*file, found.name.as_str()))
    });
    structs.map(|(file, found)| Finding {
        weight: Weight::Note,
        rule: "fields",
        place: format!("{file}:{}", found.line),
        text: format!("{} has {} fields; give parts of its state owners of their own", found.name, found.fields),
    })
}

fn spread(methods: &[Methods]) -> Vec<Finding> {
    let mut files: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for block in methods {
        files.entry((&block.defined_in, &block.name)).or_default().insert(&block.file);
    }
    let spread = files.into_iter().filter(|(_, files)| files.len() > 1);
    let finding = |((defined_in, name), files): ((&str, &str), BTreeSet<&str>)| {
        let others: Vec<&str> = files.into_iter().filter(|file| *file != defined_in).collect();
        Finding {
            weight: Weight::Note,
            rule: "one-impl",
            place: format!("{defined_in}:1"),
            text: format!("{name} has methods in {} too; one type, one file", others.join(", ")),
        }
    };
    spread.map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::imports::Workspace;
    use crate::tidy::source::Source;

    fn findings(files: &[(&str, &str)]) -> Vec<String> {
        let source =
            |(name, text): &(&str, &str)| Source { name: format!("hids-core/src/{name}"), text: (*text).into() };
        let workspace = Workspace::read(&files.iter().map(source).collect::<Vec<_>>());
        let resolver = Resolver::new(&workspace);
        let methods = resolver.methods();
        wide(&resolver, &methods)
            .chain(spread(&methods))
            .map(|found| format!("{} {}", found.place, found.text))
            .collect()
    }

    #[test]
    fn struct_with_methods_and_many_fields_is_found_and_plain_data_is_not() {
        let fields: String = (0..=MOST_FIELDS).map(|number| format!("f{number}: u8,")).collect();
        let found = |code: &str| findings(&[("lib.rs", &format!("struct A {{ {fields} }}\n{code}"))]);
        assert!(found("")[..].is_empty() && found("impl A { fn new() {} }").is_empty());
        assert_eq!(found("impl A { fn go(&mut self) {} }").len(), 1);
    }

    #[test]
    fn methods_in_another_file_are_found_and_a_type_of_the_same_name_is_not() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "pub struct A; impl A { fn f() {} } impl Clone for A {}"),
            ("b.rs", "use super::a::A; impl A { fn g() {} }"),
            ("c.rs", "struct A; impl A { fn h() {} }"),
        ];
        let found = findings(&files);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("methods in hids-core/src/b.rs too"));
    }
}
