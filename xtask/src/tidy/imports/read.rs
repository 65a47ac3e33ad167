//! What one module declares, imports and mentions, read from its tokens.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// A module as written: a file, or a `mod name { … }` inside one.
#[derive(Default)]
pub(super) struct Module {
    /// Functions, types, constants, macros.
    pub items: Vec<String>,
    /// What `use` declarations bring into scope.
    pub uses: Vec<Use>,
    /// `mod name;`, with the value of its `#[path]`.
    pub files: Vec<(String, Option<String>)>,
    /// `mod name { … }`.
    pub inline: Vec<(String, Module)>,
    /// Paths in expressions, types and macros.
    pub mentions: Vec<Mention>,
    /// Structs with their number of fields.
    pub structs: Vec<Struct>,
    /// Inherent `impl` blocks.
    pub impls: Vec<ImplBlock>,
}

/// One name that a `use` declaration brings into scope.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Use {
    /// The name in scope; `None` for `*`.
    pub name: Option<String>,
    /// Where it comes from.
    pub path: Vec<String>,
    pub line: usize,
    /// Whether others see it: `pub use`.
    pub is_public: bool,
}

/// A path with at least one segment.
pub(super) struct Mention {
    pub path: Vec<String>,
    pub line: usize,
}

/// A struct with named fields.
pub(crate) struct Struct {
    pub name: String,
    pub line: usize,
    pub fields: usize,
}

/// An `impl Type { … }`.
pub(super) struct ImplBlock {
    /// The type's name, without arguments.
    pub name: String,
    /// Whether a function in it takes `self`.
    pub has_methods: bool,
}

/// Reads the tokens of a module.
pub(super) fn module(tokens: TokenStream) -> Module {
    let mut module = Module::default();
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut rest = tokens.as_slice();
    while !rest.is_empty() {
        let (item, after) = split_item(rest);
        if !item.is_test {
            module.add(&item);
        }
        rest = after;
    }
    module
}

/// One item of a module: its attributes and its tokens without attributes and visibility.
struct Item<'a> {
    is_test: bool,
    is_public: bool,
    path: Option<String>,
    tokens: &'a [TokenTree],
}

impl Module {
    fn add(&mut self, item: &Item) {
        let (name, line) = item.name().map_or((String::new(), 0), |(name, line)| (name.to_owned(), line));
        match item.keyword().as_str() {
            "use" => return self.add_use(item.tokens, item.is_public),
            "mod" => return self.add_module(name, item),
            "impl" => self.add_impl(item.tokens),
            "struct" => {
                if let Some(body) = brace(item.tokens) {
                    self.structs.push(Struct { name: name.clone(), line, fields: fields(body) });
                }
                self.items.push(name);
            }
            "" => {}
            _ => self.items.push(name),
        }
        self.mention(item.tokens);
    }

    fn add_use(&mut self, tokens: &[TokenTree], is_public: bool) {
        let line = tokens.first().map_or(0, line_of);
        let known = self.uses.len();
        use_tree(&tokens[1..], &[], line, &mut self.uses);
        self.uses[known..].iter_mut().for_each(|found| found.is_public = is_public);
    }

    fn add_module(&mut self, name: String, item: &Item) {
        match brace(item.tokens) {
            Some(body) => self.inline.push((name, module(body.stream()))),
            None => self.files.push((name, item.path.clone())),
        }
    }

    /// Inherent blocks only: no `for` between `impl` and the body.
    fn add_impl(&mut self, tokens: &[TokenTree]) {
        let head = &tokens[1..tokens.len().saturating_sub(1)];
        if head.iter().any(|token| is_ident(token, "for")) {
            return;
        }
        let mut depth = 0_usize;
        let mut name = None;
        for token in head {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '<' => depth += 1,
                TokenTree::Punct(punct) if punct.as_char() == '>' => depth = depth.saturating_sub(1),
                TokenTree::Ident(ident) if depth == 0 && ident == "where" => break,
                TokenTree::Ident(ident) if depth == 0 => name = Some(ident.to_string()),
                _ => {}
            }
        }
        if let (Some(name), Some(body)) = (name, brace(tokens)) {
            self.impls.push(ImplBlock { name, has_methods: has_methods(body) });
        }
    }

    /// Collects paths and the `use` declarations of function bodies.
    fn mention(&mut self, tokens: &[TokenTree]) {
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Punct(punct) if punct.as_char() == '#' => at = self.skip_attribute(tokens, at),
                TokenTree::Ident(ident) if ident == "use" && !follows(tokens, at, &['.', '\'']) => {
                    let end = tokens[at..].iter().position(|token| is_punct(token, ';'));
                    // `use<'a>` of a type has no end of its own.
                    let Some(end) = end.filter(|_| !tokens.get(at + 1).is_some_and(|next| is_punct(next, '<'))) else {
                        at += 1;
                        continue;
                    };
                    self.add_use(&tokens[at..at + end], false);
                    at += end;
                }
                TokenTree::Ident(_) => {
                    let (path, end) = path(tokens, at);
                    if !follows(tokens, at, &['.', '\'', '$']) || path[0] == "crate" {
                        self.mentions.push(Mention { path, line: line_of(&tokens[at]) });
                    }
                    at = end;
                }
                TokenTree::Group(group) => {
                    self.mention(&group.stream().into_iter().collect::<Vec<_>>());
                    at += 1;
                }
                _ => at += 1,
            }
        }
    }

    /// The place behind an attribute, and behind what belongs to it if that is for tests only.
    fn skip_attribute(&self, tokens: &[TokenTree], at: usize) -> usize {
        let Some(TokenTree::Group(group)) = tokens.get(at + 1) else { return at + 1 };
        if group.delimiter() != Delimiter::Bracket || !is_test(group) {
            return at + 1;
        }
        let end = tokens[at + 2..].iter().position(|token| match token {
            TokenTree::Punct(punct) => matches!(punct.as_char(), ';' | ','),
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
            TokenTree::Ident(_) | TokenTree::Literal(_) => false,
        });
        end.map_or(tokens.len(), |end| at + 3 + end)
    }
}

impl Item<'_> {
    /// `fn`, `struct`, `use` …; nothing for a macro call.
    fn keyword(&self) -> String {
        let words = self.tokens.iter().map_while(|token| match token {
            TokenTree::Ident(ident) => Some(ident.to_string()),
            // `extern "C"`
            TokenTree::Literal(_) => Some(String::new()),
            TokenTree::Group(_) | TokenTree::Punct(_) => None,
        });
        let words: Vec<String> = words.collect();
        let modifier =
            |word: &str| ["const", "static", "unsafe", "async", "extern", "auto", "safe", ""].contains(&word);
        let known = ["use", "mod", "impl", "struct", "enum", "union", "trait", "type", "fn", "macro_rules"];
        let keyword = words.iter().find(|word| known.contains(&word.as_str()));
        let first = words.iter().find(|word| modifier(word) && !word.is_empty());
        keyword.or(first).cloned().unwrap_or_default()
    }

    /// The name of the item and its line.
    fn name(&self) -> Option<(String, usize)> {
        let keyword = self.keyword();
        let at = self.tokens.iter().position(|token| is_ident(token, &keyword))?;
        self.tokens[at + 1..].iter().find_map(|token| match token {
            TokenTree::Ident(ident) if ident != "mut" => Some((ident.to_string(), line_of(token))),
            _ => None,
        })
    }
}

/// Takes the next item off the front.
fn split_item(tokens: &[TokenTree]) -> (Item<'_>, &[TokenTree]) {
    let mut at = 0;
    let (mut is_test_item, mut is_public, mut path) = (false, false, None);
    while tokens.get(at).is_some_and(|token| is_punct(token, '#')) {
        at += 1;
        if tokens.get(at).is_some_and(|token| is_punct(token, '!')) {
            at += 1;
        }
        if let Some(TokenTree::Group(group)) = tokens.get(at) {
            is_test_item |= is_test(group);
            path = path.or_else(|| path_attribute(group));
            at += 1;
        }
    }
    if tokens.get(at).is_some_and(|token| is_ident(token, "pub")) {
        is_public = true;
        at += 1;
        if let Some(TokenTree::Group(group)) = tokens.get(at)
            && group.delimiter() == Delimiter::Parenthesis
        {
            at += 1;
        }
    }
    let start = at;
    let ends_at_semicolon = tokens[start..].iter().take(3).any(|token| {
        ["use", "type"].iter().any(|word| is_ident(token, word))
            || (["const", "static"].iter().any(|word| is_ident(token, word))
                && !tokens[start..].iter().take(5).any(|token| is_ident(token, "fn")))
    });
    let end = tokens[start..].iter().position(|token| match token {
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace && !ends_at_semicolon,
        TokenTree::Ident(_) | TokenTree::Literal(_) => false,
    });
    let end = end.map_or(tokens.len(), |end| start + end + 1);
    (Item { is_test: is_test_item, is_public, path, tokens: &tokens[start..end] }, &tokens[end..])
}

/// The names of a use tree behind `prefix`.
fn use_tree(tokens: &[TokenTree], prefix: &[String], line: usize, uses: &mut Vec<Use>) {
    let mut path = prefix.to_vec();
    let mut name = None;
    let mut tokens = tokens.iter();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(ident) if ident == "as" => {
                name = tokens.next().map(ToString::to_string);
            }
            TokenTree::Ident(ident) if ident == "self" && !path.is_empty() => {}
            TokenTree::Ident(ident) => path.push(ident.to_string()),
            TokenTree::Punct(punct) if punct.as_char() == '*' => {
                uses.push(Use { name: None, path, line, is_public: false });
                return;
            }
            TokenTree::Group(group) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                for part in inner.split(|token| is_punct(token, ',')).filter(|part| !part.is_empty()) {
                    use_tree(part, &path, line_of(&part[0]), uses);
                }
                return;
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
    let name = name.or_else(|| path.last().cloned());
    uses.push(Use { name, path, line, is_public: false });
}

/// The path that starts at `at`, and where it ends.
fn path(tokens: &[TokenTree], at: usize) -> (Vec<String>, usize) {
    let mut path = vec![tokens[at].to_string()];
    let mut at = at + 1;
    while tokens.len() > at + 2 && is_punct(&tokens[at], ':') && is_punct(&tokens[at + 1], ':') {
        let TokenTree::Ident(ident) = &tokens[at + 2] else { break };
        path.push(ident.to_string());
        at += 3;
    }
    (path, at)
}

/// Whether the token before `at` is one of these characters (and `..` does not count as a dot).
fn follows(tokens: &[TokenTree], at: usize, characters: &[char]) -> bool {
    let before = |back: usize| at.checked_sub(back).map(|at| &tokens[at]);
    let Some(TokenTree::Punct(punct)) = before(1) else { return false };
    let range = punct.as_char() == '.' && before(2).is_some_and(|token| is_punct(token, '.'));
    characters.contains(&punct.as_char()) && !range
}

/// Whether an attribute leaves its item to tests.
fn is_test(attribute: &Group) -> bool {
    let text = attribute.stream().to_string().replace(' ', "");
    text == "test" || text == "cfg(test)" || text.starts_with("cfg(all(test,")
}

fn path_attribute(attribute: &Group) -> Option<String> {
    let text = attribute.stream().to_string();
    let value = text.strip_prefix("path")?.trim_start().strip_prefix('=')?;
    Some(value.trim().trim_matches('"').to_owned())
}

fn brace(tokens: &[TokenTree]) -> Option<&Group> {
    tokens.iter().find_map(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group),
        _ => None,
    })
}

/// Fields: a single `:` outside of every bracket.
fn fields(body: &Group) -> usize {
    let tokens: Vec<TokenTree> = body.stream().into_iter().collect();
    let colon = |at: usize| tokens.get(at).is_some_and(|token| is_punct(token, ':'));
    (1..tokens.len()).filter(|at| colon(*at) && !colon(at - 1) && !colon(at + 1)).count()
}

fn has_methods(body: &Group) -> bool {
    body.stream().into_iter().any(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {
            group.stream().into_iter().take(5).any(|token| is_ident(&token, "self"))
        }
        _ => false,
    })
}

fn is_ident(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

fn is_punct(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}

fn line_of(token: &TokenTree) -> usize {
    token.span().start().line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Module {
        module(text.parse().unwrap())
    }

    fn uses(text: &str) -> Vec<(String, String)> {
        let name = |found: &Use| found.name.clone().unwrap_or_else(|| "*".to_owned());
        read(text).uses.iter().map(|found| (found.path.join("::"), name(found))).collect()
    }

    fn pair(path: &str, name: &str) -> (String, String) {
        (path.to_owned(), name.to_owned())
    }

    #[test]
    fn use_trees_are_read_to_their_leaves() {
        let found = uses("use crate::a::{self, b::{C, D as E}, f::*};\npub(crate) use super::super::g;");
        let wanted = [
            pair("crate::a", "a"),
            pair("crate::a::b::C", "C"),
            pair("crate::a::b::D", "E"),
            pair("crate::a::f", "*"),
            pair("super::super::g", "g"),
        ];
        assert_eq!(found, wanted);
        assert_eq!(uses("fn f() { use super::inner; }"), [pair("super::inner", "inner")]);
    }

    #[test]
    fn paths_are_found_in_expressions_types_and_macros() {
        let text = "fn f(a: &crate::a::A) -> b::B<c::C> { d::e(); x.field; warn!(at = %g::h(1), \"{}\", i::J) }";
        let found = read(text);
        let paths: Vec<String> = found.mentions.iter().map(|mention| mention.path.join("::")).collect();
        for wanted in ["crate::a::A", "b::B", "c::C", "d::e", "g::h", "i::J"] {
            assert!(paths.iter().any(|path| path == wanted), "{wanted} in {paths:?}");
        }
        assert!(!paths.iter().any(|path| path == "field"));
    }

    #[test]
    fn tests_are_left_out() {
        let text = "#[cfg(test)]\nmod tests { use a::b; }\n#[cfg(test)]\nmod other;\nmod mine;\nimpl A { #[cfg(test)] fn x() { c::d() } fn y() { e::f() } }";
        let found = read(text);
        assert!(found.uses.is_empty() && found.inline.is_empty());
        assert_eq!(found.files, [("mine".to_owned(), None)]);
        let paths: Vec<String> = found.mentions.iter().map(|mention| mention.path.join("::")).collect();
        assert!(paths.iter().any(|path| path == "e::f") && !paths.iter().any(|path| path == "c::d"));
    }

    #[test]
    fn items_fields_and_inherent_blocks_are_counted() {
        let text = "pub struct A<T: B> { pub a: u8, b: Vec<c::D>, e: fn(x: u8) }\nconst F: u8 = { 1 };\npub const fn g() {}\nimpl<T: B> A<T> { fn h(&self) {} }\nimpl I for A<u8> { fn j(&self) {} }";
        let found = read(text);
        assert_eq!(found.items, ["A", "F", "g"]);
        assert_eq!(found.structs[0].fields, 3);
        assert_eq!(found.impls.len(), 1);
        assert!(found.impls[0].name == "A" && found.impls[0].has_methods);
    }
}
