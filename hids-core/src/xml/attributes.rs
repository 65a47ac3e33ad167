//! Attributes of one tag, as strict about their form as OSSEC.

use quick_xml::events::BytesStart;
use quick_xml::events::attributes::AttrError;

use super::TEXT_LIMIT_BYTES;
use super::mask::Masked;
use super::problems::Problems;
use super::tree::{Attribute, Text};

/// Most attributes of one tag; the rest is reported.
const ATTRIBUTE_LIMIT: usize = 256;

/// The attributes of the opening tag whose `<` stands at `start`.
pub(super) fn read(tag: &BytesStart<'_>, start: usize, masked: &Masked, problems: &mut Problems<'_>) -> Vec<Attribute> {
    let mut reader = AttributeReader {
        masked,
        report: masked.reported_tags.binary_search(&start).is_err(),
        tag_start: start,
        list: Vec::new(),
        problems,
    };
    for found in tag.attributes().with_checks(false) {
        match found {
            Ok(attribute) => reader.add(attribute.key.as_ref(), attribute.value.as_ref()),
            Err(error) => reader.malformed(&error),
        }
        if reader.list.len() > ATTRIBUTE_LIMIT {
            let message = format!("this tag has more than {ATTRIBUTE_LIMIT} attributes");
            reader.error("X007", start, start + 1, message, "");
            break;
        }
    }
    reader.list
}

struct AttributeReader<'a, 'p> {
    masked: &'a Masked,
    report: bool,
    tag_start: usize,
    list: Vec<Attribute>,
    problems: &'a mut Problems<'p>,
}

impl AttributeReader<'_, '_> {
    fn error(&mut self, code: &'static str, start: usize, end: usize, message: impl Into<String>, help: &str) {
        if self.report {
            self.problems.error(code, start, end, message, help);
        }
    }

    fn add(&mut self, name: &str, value: &str) {
        let name = self.text(name);
        let value = self.text(value);
        self.check_form(&name, &value);
        for (what, text) in [("name", &name), ("value", &value)] {
            if text.value.len() > TEXT_LIMIT_BYTES {
                let message = format!("this attribute {what} is longer than {TEXT_LIMIT_BYTES} bytes");
                self.error("X012", text.span.start, text.span.start + 1, message, "");
            }
        }
        if self.list.iter().any(|earlier| earlier.name.value == name.value) {
            let message = format!("attribute `{}` is given twice", name.value);
            self.error("X008", name.span.start, name.span.end, message, "keep one of them");
            return;
        }
        self.list.push(Attribute { name, value });
    }

    /// Blanks may follow the `=` but not precede it, and a blank must follow the value.
    fn check_form(&mut self, name: &Text, value: &Text) {
        let bytes = &self.masked.bytes;
        let before_equals = bytes.get(name.span.end).is_some_and(|&byte| byte != b'=');
        let after_value =
            bytes.get(value.span.end + 1).is_some_and(|byte| !byte.is_ascii_whitespace() && !b"/>".contains(byte));
        if before_equals {
            let message = format!("attribute `{}` has a space before `=`", name.value);
            self.error("X007", name.span.start, name.span.end + 1, message, "use NAME=\"VALUE\"");
        }
        if after_value {
            let message = format!("the value of attribute `{}` is followed by more text", name.value);
            self.error("X007", value.span.start, value.span.end + 2, message, "separate attributes with a space");
        }
    }

    fn malformed(&mut self, error: &AttrError) {
        // Positions count from the first byte of the name, one after the `<`.
        let at = |position: usize| self.tag_start + 1 + position;
        let (start, message) = match error {
            AttrError::ExpectedEq(position) => (at(*position), "this attribute has no value"),
            AttrError::ExpectedValue(position) => (at(*position), "an attribute value is missing here"),
            AttrError::UnquotedValue(position) => (at(*position), "this attribute value is not in quotes"),
            AttrError::ExpectedQuote(position, _) => (at(*position), "this attribute value has no closing quote"),
            AttrError::Duplicated(position, _) => (at(*position), "this attribute is given twice"),
        };
        self.error("X007", start, start + 1, message, "use NAME=\"VALUE\"");
    }

    /// `part` of the masked file with its place.
    fn text(&self, part: &str) -> Text {
        // The slices that quick-xml gives lie inside the masked file.
        let offset = (part.as_ptr() as usize).checked_sub(self.masked.bytes.as_ptr() as usize);
        let start = offset.filter(|start| start + part.len() <= self.masked.bytes.len()).unwrap_or(self.tag_start);
        Text { value: self.masked.original(part), span: self.problems.span(start, start + part.len()) }
    }
}
