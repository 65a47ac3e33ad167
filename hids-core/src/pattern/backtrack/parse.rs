//! The text of a PCRE2 pattern to a tree.
//!
//! PCRE2 has compiled the pattern before, so that its syntax is right. What single bytes an escape
//! or a class takes is asked of PCRE2 itself; what is not known here gives no tree.

use super::byteset::ByteSet;
use super::node::{Assertion, Greed, Node};

/// A pattern taken apart.
pub(super) struct Parsed {
    pub node: Node,
    /// Capturing groups.
    pub groups: u32,
}

/// `None` when the pattern has something that only PCRE2 knows.
pub(super) fn parse(text: &str) -> Option<Parsed> {
    let flags = Flags { caseless: true, ..Flags::default() };
    let mut parser = Parser { source: text.as_bytes(), at: 0, flags, groups: 0, names: Vec::new() };
    let node = parser.alternatives()?;
    let node = parser.resolve(node)?;
    (parser.at == parser.source.len()).then_some(Parsed { node, groups: parser.groups })
}

#[derive(Clone, Copy, Default)]
struct Flags {
    caseless: bool,
    /// A dot takes newlines.
    dot_all: bool,
    /// `^` and `$` stand at every line.
    multi_line: bool,
}

struct Parser<'a> {
    source: &'a [u8],
    at: usize,
    flags: Flags,
    groups: u32,
    names: Vec<(Vec<u8>, u32)>,
}

/// Numbers from here on stand for names until all names are known.
const NAMED: u32 = 1 << 20;

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.source.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn take(&mut self, text: &[u8]) -> bool {
        let found = self.source[self.at..].starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    /// What stands up to `end`, which is taken, too.
    fn until(&mut self, end: u8) -> Option<&[u8]> {
        let start = self.at;
        let length = self.source[start..].iter().position(|&byte| byte == end)?;
        self.at += length + 1;
        Some(&self.source[start..start + length])
    }

    fn alternatives(&mut self) -> Option<Node> {
        let mut branches = Vec::new();
        loop {
            branches.push(self.sequence()?);
            if !self.take(b"|") {
                break;
            }
        }
        if branches.len() == 1 { branches.pop() } else { Some(Node::Alternatives(branches)) }
    }

    fn sequence(&mut self) -> Option<Node> {
        let mut nodes = Vec::new();
        while let Some(byte) = self.peek() {
            if byte == b'|' || byte == b')' {
                break;
            }
            if self.take(b"\\Q") {
                self.quoted(&mut nodes)?;
                continue;
            }
            if self.take(b"\\E") {
                // Whether a quantifier reaches across it is not worth knowing.
                if self.at_quantifier() {
                    return None;
                }
                continue;
            }
            if let Some(node) = self.piece()? {
                nodes.push(node);
            }
        }
        Some(Node::Sequence(nodes))
    }

    fn quoted(&mut self, nodes: &mut Vec<Node>) -> Option<()> {
        while self.at < self.source.len() && !self.take(b"\\E") {
            let byte = self.next()?;
            nodes.push(self.literal(byte));
        }
        (!self.at_quantifier()).then_some(())
    }

    /// One item with its quantifier; nothing for a comment or flags.
    fn piece(&mut self) -> Option<Option<Node>> {
        let Some(item) = self.item()? else { return (!self.at_quantifier()).then_some(None) };
        // What a quantifier on an assertion means is left to PCRE2.
        if matches!(item, Node::Assertion(_) | Node::Around { .. }) {
            return (!self.at_quantifier()).then_some(Some(item));
        }
        Some(Some(self.quantified(item)?))
    }

    fn at_quantifier(&self) -> bool {
        matches!(self.peek(), Some(b'*' | b'+' | b'?' | b'{'))
    }

    fn quantified(&mut self, node: Node) -> Option<Node> {
        let Some((least, most)) = self.quantifier()? else { return Some(node) };
        let greed = if self.take(b"?") { Greed::Lazy } else { Greed::Greedy };
        let possessive = greed == Greed::Greedy && self.take(b"+");
        // A quantifier on a quantifier is left to PCRE2.
        if self.at_quantifier() {
            return None;
        }
        let repeat = Node::Repeat { node: Box::new(node), least, most, greed };
        Some(if possessive { Node::Atomic(Box::new(repeat)) } else { repeat })
    }

    /// How often: `*`, `+`, `?`, `{2}`, `{2,}`, `{2,3}`; a brace with something else is a literal.
    fn quantifier(&mut self) -> Option<Option<(u32, Option<u32>)>> {
        let range = match self.peek() {
            Some(b'*') => (0, None),
            Some(b'+') => (1, None),
            Some(b'?') => (0, Some(1)),
            Some(b'{') => return self.counted(),
            _ => return Some(None),
        };
        self.at += 1;
        Some(Some(range))
    }

    fn counted(&mut self) -> Option<Option<(u32, Option<u32>)>> {
        let start = self.at;
        self.at += 1;
        let body = self.until(b'}').and_then(|body| std::str::from_utf8(body).ok()).unwrap_or("x");
        let is_number =
            |text: &str| !text.is_empty() && text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
        let range = match body.split_once(',') {
            None if is_number(body) => body.parse().ok().map(|count| (count, Some(count))),
            Some((least, "")) if is_number(least) => least.parse().ok().map(|least| (least, None)),
            Some((least, most)) if is_number(least) && is_number(most) => {
                least.parse().ok().zip(most.parse().ok()).map(|(least, most)| (least, Some(most)))
            }
            _ => None,
        };
        if range.is_some() {
            return Some(range);
        }
        // Later versions of PCRE2 read `{,3}` and blanks as a quantifier.
        if body.bytes().all(|byte| byte.is_ascii_digit() || b", \t".contains(&byte)) {
            return None;
        }
        self.at = start;
        Some(None)
    }

    /// `None` inside for what is nothing to match: a comment, flags.
    fn item(&mut self) -> Option<Option<Node>> {
        let start = self.at;
        Some(Some(match self.next()? {
            b'(' => return self.group(),
            b'[' => {
                self.end_of_class()?;
                self.bytes_of(start)?
            }
            b'.' => self.bytes_of(start)?,
            b'^' => Node::Assertion(if self.flags.multi_line { Assertion::LineStart } else { Assertion::Start }),
            b'$' => Node::Assertion(if self.flags.multi_line { Assertion::LineEnd } else { Assertion::FinalNewline }),
            b'\\' => self.escape(start)?,
            b'*' | b'+' | b'?' => return None,
            byte => self.literal(byte),
        }))
    }

    fn literal(&self, byte: u8) -> Node {
        let mut set = ByteSet::of(byte);
        if self.flags.caseless {
            set.insert(byte.to_ascii_lowercase());
            set.insert(byte.to_ascii_uppercase());
        }
        Node::Byte(set)
    }

    fn escape(&mut self, start: usize) -> Option<Node> {
        let byte = self.next()?;
        Some(match byte {
            b'A' | b'G' => Node::Assertion(Assertion::Start),
            b'z' => Node::Assertion(Assertion::End),
            b'Z' => Node::Assertion(Assertion::FinalNewline),
            b'b' => Node::Assertion(Assertion::Word),
            b'B' => Node::Assertion(Assertion::NotWord),
            // Where the match begins is not asked for.
            b'K' => Node::Empty,
            b'R' => self.any_newline()?,
            b'1'..=b'9' if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) => self.again(u32::from(byte - b'0')),
            b'g' => self.numbered()?,
            b'k' => {
                let end = match self.next()? {
                    b'<' => b'>',
                    b'\'' => b'\'',
                    b'{' => b'}',
                    _ => return None,
                };
                let name = self.until(end)?.to_vec();
                self.named(name)
            }
            b'd' | b'D' | b'w' | b'W' | b's' | b'S' | b'h' | b'H' | b'v' | b'V' | b'C' => self.bytes_of(start)?,
            b't' | b'n' | b'r' | b'f' | b'e' | b'a' => self.bytes_of(start)?,
            b'N' if self.peek() != Some(b'{') => self.bytes_of(start)?,
            b'x' => {
                if self.take(b"{") {
                    self.until(b'}')?;
                } else {
                    (0..2)
                        .for_each(|_| self.at += usize::from(self.peek().is_some_and(|byte| byte.is_ascii_hexdigit())));
                }
                self.bytes_of(start)?
            }
            b'p' | b'P' => {
                if self.take(b"{") {
                    self.until(b'}')?;
                } else {
                    self.next()?;
                }
                self.bytes_of(start)?
            }
            _ if byte.is_ascii_alphanumeric() => return None,
            _ => self.literal(byte),
        })
    }

    /// `\R`: a newline of any kind, once taken not tried again.
    fn any_newline(&mut self) -> Option<Node> {
        let sequence = [b'\r', b'\n'].map(|byte| Node::Byte(ByteSet::of(byte)));
        let single = ByteSet::range(b'\n', b'\r').union(ByteSet::of(0x85));
        let branches = vec![Node::Sequence(sequence.into()), Node::Byte(single)];
        Some(Node::Atomic(Box::new(Node::Alternatives(branches))))
    }

    fn again(&self, group: u32) -> Node {
        Node::Again { group, caseless: self.flags.caseless }
    }

    fn named(&mut self, name: Vec<u8>) -> Node {
        // Names may come later than their use.
        let at = self.names.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            self.names.push((name, 0));
            self.names.len() - 1
        });
        self.again(NAMED + at as u32)
    }

    /// `\g1`, `\g{1}`, `\g{-1}`, `\g{name}`; others call a group.
    fn numbered(&mut self) -> Option<Node> {
        if !self.take(b"{") {
            let digit = self.next()?;
            let more = self.peek().is_some_and(|byte| byte.is_ascii_digit());
            return (digit.is_ascii_digit() && digit != b'0' && !more).then(|| self.again(u32::from(digit - b'0')));
        }
        let body = std::str::from_utf8(self.until(b'}')?).ok()?.to_owned();
        if let Some(back) = body.strip_prefix('-') {
            let group = (self.groups + 1).checked_sub(back.parse().ok()?).filter(|&group| group > 0)?;
            return Some(self.again(group));
        }
        match body.parse() {
            Ok(0) => None,
            Ok(group) if group < NAMED => Some(self.again(group)),
            _ if body.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') => {
                Some(self.named(body.into_bytes()))
            }
            _ => None,
        }
    }

    fn group(&mut self) -> Option<Option<Node>> {
        if self.peek() == Some(b'*') {
            return None;
        }
        if !self.take(b"?") {
            return self.capturing(None).map(Some);
        }
        if self.take(b"#") {
            self.until(b')')?;
            return Some(None);
        }
        let around = |behind, negative| move |node| Node::Around { behind, negative, node: Box::new(node) };
        for (sign, behind, negative) in
            [(&b"="[..], false, false), (b"!", false, true), (b"<=", true, false), (b"<!", true, true)]
        {
            if self.take(sign) {
                return self.inside().map(around(behind, negative)).map(Some);
            }
        }
        if self.take(b">") {
            return self.inside().map(|node| Some(Node::Atomic(Box::new(node))));
        }
        if self.take(b":") {
            return self.inside().map(Some);
        }
        if self.take(b"P=") {
            let name = self.until(b')')?.to_vec();
            return Some(Some(self.named(name)));
        }
        for (sign, end) in [(&b"P<"[..], b'>'), (b"<", b'>'), (b"'", b'\'')] {
            if self.take(sign) {
                let name = self.until(end)?.to_vec();
                return self.capturing(Some(name)).map(Some);
            }
        }
        self.flag_group()
    }

    fn capturing(&mut self, name: Option<Vec<u8>>) -> Option<Node> {
        self.groups += 1;
        let index = self.groups;
        if let Some(name) = name {
            match self.names.iter_mut().find(|(known, _)| *known == name) {
                Some((_, group)) if *group == 0 => *group = index,
                Some(_) => return None,
                None => self.names.push((name, index)),
            }
        }
        Some(Node::Group(index, Box::new(self.inside()?)))
    }

    /// What stands in a group, up to and with its end; flags set there end there.
    fn inside(&mut self) -> Option<Node> {
        let flags = self.flags;
        let node = self.alternatives()?;
        self.flags = flags;
        self.take(b")").then_some(node)
    }

    /// `(?i)`, `(?-s)`, `(?im:…)`.
    fn flag_group(&mut self) -> Option<Option<Node>> {
        let before = self.flags;
        let mut value = true;
        loop {
            match self.next()? {
                b'-' => value = false,
                b'i' => self.flags.caseless = value,
                b's' => self.flags.dot_all = value,
                b'm' => self.flags.multi_line = value,
                b')' => return Some(None),
                b':' => break,
                _ => return None,
            }
        }
        let node = self.alternatives()?;
        self.flags = before;
        self.take(b")").then_some(Some(node))
    }

    /// Past the class whose bracket has been taken.
    fn end_of_class(&mut self) -> Option<()> {
        self.take(b"^");
        let mut is_first = true;
        loop {
            match self.next()? {
                b']' if !is_first => return Some(()),
                b'\\' => {
                    let escaped = self.next()?;
                    if matches!(escaped, b'Q' | b'E' | b'c') {
                        return None;
                    }
                }
                b'[' if matches!(self.peek(), Some(b':' | b'.' | b'=')) => {
                    let rest = &self.source[self.at + 1..];
                    let length = rest.iter().take_while(|&&byte| byte.is_ascii_lowercase() || byte == b'^').count();
                    if self.peek() != Some(b':') || length == 0 || !rest[length..].starts_with(b":]") {
                        return None;
                    }
                    self.at += length + 3;
                }
                _ => {}
            }
            is_first = false;
        }
    }

    /// Which bytes the item from `start` to here takes, in PCRE2's own opinion.
    fn bytes_of(&self, start: usize) -> Option<Node> {
        let item = std::str::from_utf8(&self.source[start..self.at]).ok()?;
        let regex = pcre2::bytes::RegexBuilder::new()
            .caseless(self.flags.caseless)
            .dotall(self.flags.dot_all)
            .build(&format!("\\A{item}\\z"))
            .ok()?;
        let mut set = ByteSet::default();
        for byte in 0..=u8::MAX {
            if regex.is_match(&[byte]).ok()? {
                set.insert(byte);
            }
        }
        Some(Node::Byte(set))
    }

    /// Puts numbers in the place of names.
    fn resolve(&self, node: Node) -> Option<Node> {
        let all = |nodes: Vec<Node>| nodes.into_iter().map(|node| self.resolve(node)).collect::<Option<Vec<_>>>();
        let boxed = |node: Box<Node>| self.resolve(*node).map(Box::new);
        Some(match node {
            Node::Again { group, caseless } => {
                let group = match group.checked_sub(NAMED) {
                    Some(name) => self.names.get(name as usize)?.1,
                    None => group,
                };
                if group == 0 || group > self.groups {
                    return None;
                }
                Node::Again { group, caseless }
            }
            Node::Sequence(nodes) => Node::Sequence(all(nodes)?),
            Node::Alternatives(nodes) => Node::Alternatives(all(nodes)?),
            Node::Group(index, node) => Node::Group(index, boxed(node)?),
            Node::Repeat { node, least, most, greed } => Node::Repeat { node: boxed(node)?, least, most, greed },
            Node::Around { behind, negative, node } => Node::Around { behind, negative, node: boxed(node)? },
            Node::Atomic(node) => Node::Atomic(boxed(node)?),
            node => node,
        })
    }
}
