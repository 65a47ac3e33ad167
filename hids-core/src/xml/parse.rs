//! From tokens to elements, going on after each mistake.

use std::sync::Arc;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::mask::{Masked, mask};
use super::problems::Problems;
use super::tree::{Element, Text};
use super::{DEPTH_LIMIT, TEXT_LIMIT_BYTES, attributes};
use crate::diag::{Diagnostic, SourceFile};

/// The root elements of `file` in order, and every problem found in it, in the order of places.
///
/// Never fails: what can be made sense of is returned even when there are errors, so that the
/// caller can look for more problems. A file with errors must not be used.
pub fn parse(file: &Arc<SourceFile>) -> (Vec<Element>, Vec<Diagnostic>) {
    let mut problems = Problems::new(file);
    let masked = mask(file, &mut problems);
    let mut builder = Builder { masked: &masked, problems, roots: Vec::new(), open: Vec::new(), too_deep: 0 };
    builder.run();
    builder.close_all();
    (builder.roots, builder.problems.finish())
}

struct Builder<'a> {
    masked: &'a Masked,
    problems: Problems<'a>,
    roots: Vec<Element>,
    /// Elements whose closing tag has not come yet, outermost first.
    open: Vec<Element>,
    /// Open elements beyond the depth limit, which are not kept.
    too_deep: usize,
}

impl Builder<'_> {
    fn run(&mut self) {
        let masked = self.masked;
        let mut reader = Reader::from_reader(masked.bytes.as_slice());
        let config = reader.config_mut();
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        config.trim_markup_names_in_closing_tags = false;
        loop {
            let start = position(&reader);
            let event = reader.read_event();
            let end = position(&reader);
            match event {
                Ok(Event::Start(tag)) => self.open_element(&tag, start, end, false),
                Ok(Event::Empty(tag)) => self.open_element(&tag, start, end, true),
                Ok(Event::End(tag)) => self.close_element(tag.name().as_ref(), start, end),
                Ok(Event::Text(text)) => self.add_text(&text, start, end),
                Ok(Event::Eof) => return,
                Ok(_) => self.problems.error("X014", start, end, "not supported in OSSEC's XML", "remove it"),
                Err(error) => {
                    let message = format!("this cannot be read, nor what follows it: {error}");
                    self.problems.error("X014", start, start + 1, message, "");
                    return;
                }
            }
        }
    }

    fn open_element(&mut self, tag: &BytesStart<'_>, start: usize, end: usize, is_empty: bool) {
        if self.too_deep > 0 || self.open.len() >= DEPTH_LIMIT {
            if self.too_deep == 0 {
                let message =
                    format!("elements are nested more than {DEPTH_LIMIT} levels deep; deeper elements are ignored");
                self.problems.error("X013", start, end, message, "");
            }
            self.too_deep += usize::from(!is_empty);
            return;
        }
        self.report_stray_text();
        let name = tag.name();
        let name_end = start + 1 + name.as_ref().len();
        let name = Text { value: self.masked.original(name.as_ref()), span: self.problems.span(start + 1, name_end) };
        self.check_length(&name, "element name");
        let attributes = attributes::read(tag, start, self.masked, &mut self.problems);
        let text_at = if is_empty { end.saturating_sub(1) } else { end };
        let text = Text { value: String::new(), span: self.problems.span(text_at, text_at) };
        self.open.push(Element { name, attributes, children: Vec::new(), text, span: self.problems.span(start, end) });
        if is_empty {
            self.finish_top(end);
        }
    }

    fn add_text(&mut self, masked_text: &str, start: usize, end: usize) {
        let value = self.masked.original(masked_text);
        match self.open.last_mut() {
            None => self.warn_of_stray(start, end),
            Some(_) if self.too_deep > 0 => {}
            Some(element) => {
                if element.text.value.is_empty() {
                    element.text.span.start = start;
                }
                element.text.span.end = end;
                element.text.value.push_str(&value);
            }
        }
    }

    /// A child follows the text of the open element: that text means nothing.
    fn report_stray_text(&mut self) {
        let Some(element) = self.open.last_mut() else { return };
        let (start, end) = (element.text.span.start, element.text.span.end);
        let long = element.text.value.len() > TEXT_LIMIT_BYTES;
        element.text.value.clear();
        self.warn_of_stray(start, end);
        if long {
            self.too_long(start, "text");
        }
    }

    /// Warns of what is neither blank nor comment in the bytes `start..end`.
    fn warn_of_stray(&mut self, start: usize, end: usize) {
        let text = String::from_utf8_lossy(&self.masked.bytes[start..end]);
        if self.masked.original(&text).trim().is_empty() {
            return;
        }
        let visible = |byte: u8| !byte.is_ascii_whitespace() && !self.masked.is_nothing(byte);
        let bytes = &self.masked.bytes[start..end];
        let first = bytes.iter().position(|&byte| visible(byte)).unwrap_or(0);
        let line = bytes[first..].iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len() - first);
        let last = bytes[first..first + line].iter().rposition(|&byte| visible(byte)).unwrap_or(0);
        let help = "put it into a comment, `<!-- like this -->`, or into an element";
        self.problems.warning(
            "X011",
            start + first,
            start + first + last + 1,
            "text outside an element is ignored",
            help,
        );
    }

    fn close_element(&mut self, name: &str, start: usize, end: usize) {
        if self.too_deep > 0 {
            self.too_deep -= 1;
            return;
        }
        let name = self.masked.original(name);
        if self.open.last().is_some_and(|top| top.name.value == name) {
            self.finish_top(end);
        } else if let Some(depth) = self.open.iter().rposition(|open| open.name.value == name) {
            while self.open.len() > depth + 1 {
                self.report_unclosed();
                self.finish_top(start);
            }
            self.finish_top(end);
        } else if let Some(top) = self.open.last().filter(|top| is_misspelt(&name, &top.name.value)) {
            let right = top.name.value.clone();
            let message = format!("element `{right}` is not closed: `</{name}>` does not match its name exactly");
            self.problems.error("X010", start, end, message, &format!("use `</{right}>`"));
            self.finish_top(end);
        } else {
            let message = format!("`</{name}>` has no matching start tag");
            self.problems.error("X010", start, end, message, "remove it, or add the start tag");
        }
    }

    fn report_unclosed(&mut self) {
        let Some(top) = self.open.last() else { return };
        let (start, name) = (top.span.start, &top.name.value);
        let message = format!("element `{name}` is not closed");
        let help = format!("add `</{name}>` at its end");
        self.problems.error("X009", start, top.name.span.end, message, &help);
    }

    /// The innermost open element ends before the byte `end`.
    fn finish_top(&mut self, end: usize) {
        let Some(mut element) = self.open.pop() else { return };
        element.span.end = end.max(element.span.end);
        if element.text.value.is_empty() {
            element.text.span.end = element.text.span.start;
        }
        if !element.children.is_empty() {
            self.warn_of_stray(element.text.span.start, element.text.span.end);
        }
        self.check_length(&element.text, "text");
        match self.open.last_mut() {
            Some(parent) => {
                parent.text.span.start = end;
                parent.text.span.end = end;
                parent.children.push(element);
            }
            None => self.roots.push(element),
        }
    }

    /// The end of the file.
    fn close_all(&mut self) {
        let end = self.masked.bytes.len();
        while !self.open.is_empty() {
            // An unclosed comment has been reported and swallowed the closing tags.
            if !self.masked.cut {
                self.report_unclosed();
            }
            self.finish_top(end);
        }
    }

    fn check_length(&mut self, text: &Text, what: &str) {
        if text.value.len() > TEXT_LIMIT_BYTES {
            self.too_long(text.span.start, what);
        }
    }

    fn too_long(&mut self, start: usize, what: &str) {
        let message = format!("this {what} is longer than {TEXT_LIMIT_BYTES} bytes");
        self.problems.error("X012", start, start + 1, message, "OSSEC stops with \"String overflow\" here");
    }
}

fn position(reader: &Reader<&[u8]>) -> usize {
    // Never beyond the length of the slice, which is a usize.
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

/// Whether a closing tag of that name was meant to close `open`.
fn is_misspelt(name: &str, open: &str) -> bool {
    name.trim().eq_ignore_ascii_case(open) || crate::diag::is_close(name.trim(), open)
}
