//! Decoder files as written, with places.

use std::sync::Arc;

use super::attributes::{self, Obeys, Reading};
use super::fts::FtsFields;
use super::json::JsonDef;
use super::kind::EventKind;
use super::source::{self, PatternDef, unknown_name};
use crate::diag::{Diagnostic, SourceFile, Span};
use crate::pattern::Dialect;
use crate::xml::{Attribute, Element, Text};

/// Longest text of a condition when all its elements are joined (OSSEC `OS_SIZE_8192`).
const MAX_JOINED_BYTES: usize = 8192;

const ELEMENTS: [&str; 18] = [
    "parent",
    "program_name",
    "program_name_pcre2",
    "prematch",
    "prematch_pcre2",
    "regex",
    "pcre2",
    "order",
    "fts",
    "ftscomment",
    "type",
    "plugin_decoder",
    "use_own_name",
    "accumulate",
    "fts_comment",
    "regex_pcre2",
    "field",
    "map",
];

const CONDITIONS: [&str; 6] = ["program_name", "program_name_pcre2", "prematch", "prematch_pcre2", "regex", "pcre2"];

/// Of these the last one counts; repeated conditions are joined.
const SINGLE: [&str; 6] = ["parent", "order", "fts", "type", "plugin_decoder", "use_own_name"];

/// Where a condition of a decoder starts to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offset {
    /// At the end of the parent's prematch.
    AfterParent,
    /// At the end of the decoder's own prematch.
    AfterPrematch,
    /// At the end of the previous regex of the group.
    AfterRegex,
}

/// A decoder that is code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plugin {
    /// `PF_Decoder`
    Pf,
    /// `SymantecWS_Decoder`
    SymantecWs,
    /// `SonicWall_Decoder`
    SonicWall,
    /// The same in OSSEC's daemon: it says of which kind the event is and extracts nothing.
    SonicWallWithoutFields,
    /// `OSSECAlert_Decoder`
    OssecAlert,
    /// `JSON_Decoder`
    Json,
}

/// A condition with where it starts.
#[derive(Clone, Debug)]
pub struct OffsetPattern {
    /// The pattern.
    pub pattern: PatternDef,
    /// Where it starts to look; `None`: at the start of the message.
    pub offset: Option<Offset>,
}

/// A decoder as written.
#[derive(Clone, Debug)]
pub struct DecoderDef {
    /// Its name.
    pub name: Text,
    /// The whole element.
    pub span: Span,
    /// Name of its parent.
    pub parent: Option<Text>,
    /// Condition on the program's name.
    pub program_name: Option<PatternDef>,
    /// Condition on the message.
    pub prematch: Option<OffsetPattern>,
    /// Extracts the fields.
    pub regex: Option<OffsetPattern>,
    /// The fields, one per capture.
    pub order: Option<Vec<String>>,
    /// Fields whose combination is watched.
    pub fts: Option<FtsFields>,
    /// Kind of its events.
    pub kind: EventKind,
    /// Code that extracts the fields, and whose reading of lines it follows.
    pub plugin: Option<(Plugin, Reading)>,
    /// Where the plug-in starts to read.
    pub plugin_offset: Option<Offset>,
    /// What it asks of JSON.
    pub json: JsonDef,
    /// Whether a child keeps its own name.
    pub use_own_name: bool,
    /// Whether later events of the same id get this one's fields.
    pub accumulate: bool,
}

impl DecoderDef {
    /// Takes the fields of the SonicWall plug-in away, which extracts none in OSSEC's daemon.
    pub fn lose_sonic_wall(&mut self) {
        if let Some((plugin @ Plugin::SonicWall, _)) = &mut self.plugin {
            *plugin = Plugin::SonicWallWithoutFields;
        }
    }

    /// The problem of a decoder whose `<order>` names more than `most` fields, with which OSSEC does not
    /// start.
    pub fn too_many_fields(&self, most: usize) -> Option<Diagnostic> {
        let found = self.order.as_ref().map_or(0, Vec::len);
        (found > most).then(|| {
            Diagnostic::error("D050", format!("<order> lists {found} fields; at most {most} are allowed"))
                .at(self.span.clone())
                .help("list fewer fields, or raise analysisd.decoder_order_size in local_internal_options.conf")
        })
    }
}

/// The decoders of `file`, and every problem found.
pub fn parse(file: &Arc<SourceFile>, reading: Reading) -> (Vec<DecoderDef>, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let elements = source::elements(file, &mut diagnostics);
    let decoders = elements.iter().filter_map(|element| decoder(element, reading, &mut diagnostics)).collect();
    (decoders, diagnostics)
}

fn decoder(element: &Element, reading: Reading, diagnostics: &mut Vec<Diagnostic>) -> Option<DecoderDef> {
    if !element.name.value.eq_ignore_ascii_case("decoder") {
        diagnostics.push(
            Diagnostic::error("D001", format!("<{}> is not allowed here; only <decoder> is", element.name.value))
                .at(element.name.span.clone()),
        );
        return None;
    }
    let [name] = element.attributes.as_slice() else {
        diagnostics.push(
            Diagnostic::error("D002", "a decoder must have exactly one attribute, its name")
                .at(element.span.clone())
                .help("<decoder name=\"NAME\">"),
        );
        return None;
    };
    if !name.name.value.eq_ignore_ascii_case("name") {
        diagnostics.push(unknown_name("D002", "attribute", &name.name, &["name"]));
        return None;
    }
    let mut reader = Reader::new(name.value.clone(), element.span.clone(), reading, diagnostics);
    for child in &element.children {
        reader.element(child);
    }
    source::note_replaced("D027", element, &SINGLE, reader.diagnostics);
    Some(reader.finish())
}

/// Collects the elements of one decoder.
struct Reader<'d> {
    def: DecoderDef,
    prematch: [Option<OffsetPattern>; 2],
    regex: [Option<OffsetPattern>; 2],
    program_name: [Option<OffsetPattern>; 2],
    reading: Reading,
    diagnostics: &'d mut Vec<Diagnostic>,
}

impl<'d> Reader<'d> {
    fn new(name: Text, span: Span, reading: Reading, diagnostics: &'d mut Vec<Diagnostic>) -> Self {
        let def = DecoderDef {
            name,
            span,
            parent: None,
            program_name: None,
            prematch: None,
            regex: None,
            order: None,
            fts: None,
            kind: EventKind::Syslog,
            plugin: None,
            plugin_offset: None,
            json: JsonDef::default(),
            use_own_name: false,
            accumulate: false,
        };
        Self { def, prematch: [None, None], regex: [None, None], program_name: [None, None], reading, diagnostics }
    }

    fn element(&mut self, element: &Element) {
        let value = &element.text.value;
        let name = element.name.value.to_ascii_lowercase();
        match name.as_str() {
            "parent" => self.def.parent = Some(element.text.clone()),
            "program_name" | "program_name_pcre2" => self.condition(element, &name, Dialect::OsMatch),
            "prematch" | "prematch_pcre2" | "regex" | "pcre2" => self.condition(element, &name, Dialect::OsRegex),
            "order" => self.order(element),
            "fts" => match FtsFields::parse(value) {
                Some(fields) => self.def.fts = Some(fields),
                None => self.error("D010", "<fts> supports none of these fields", &element.text.span),
            },
            "ftscomment" | "fts_comment" => {}
            "use_own_name" => self.own_name(&element.text),
            "accumulate" => self.def.accumulate = true,
            "plugin_decoder" => return self.plugin(element),
            "field" => {
                self.def.json.field(element, self.diagnostics);
                attributes::read(element, &["name"], Obeys::Nothing, self.reading, "D004", self.diagnostics);
                return;
            }
            "map" => {
                self.def.json.map(element, self.diagnostics);
                attributes::read(element, &["field"], Obeys::Nothing, self.reading, "D004", self.diagnostics);
                return;
            }
            _ if element.name.value == "type" => match EventKind::parse(value) {
                Some(kind) => self.def.kind = kind,
                None => self.diagnostics.push(unknown_name("D011", "decoder type", &element.text, &EventKind::NAMES)),
            },
            _ => self.diagnostics.push(unknown_name("D003", "decoder element", &element.name, &ELEMENTS)),
        }
        // Those of conditions have been read with them; of an unknown element nothing is read.
        if ELEMENTS.contains(&name.as_str()) && !CONDITIONS.contains(&name.as_str()) {
            attributes::read(element, &[], Obeys::Nothing, self.reading, "D004", self.diagnostics);
        }
    }

    /// A condition; repeated elements are joined, as in OSSEC.
    fn condition(&mut self, element: &Element, name: &str, plain: Dialect) {
        let is_pcre2 = name.ends_with("pcre2");
        let is_regex = matches!(name, "regex" | "pcre2");
        let offset = if name.starts_with("program_name") { None } else { self.offset(element, is_regex) };
        let known: &[&str] = match name {
            "program_name" | "program_name_pcre2" => &[],
            _ if is_regex => &["offset", "field"],
            _ => &["offset"],
        };
        if is_regex {
            self.def.json.regex(element, self.diagnostics);
        }
        let obeys = if is_pcre2 { Obeys::Nothing } else { Obeys::Type };
        let asked = attributes::read(element, known, obeys, self.reading, "D004", self.diagnostics);
        let dialect = if is_pcre2 { Dialect::Pcre2 } else { asked.dialect.unwrap_or(plain) };
        let slots = match name {
            "program_name" | "program_name_pcre2" => &mut self.program_name,
            "prematch" | "prematch_pcre2" => &mut self.prematch,
            _ => &mut self.regex,
        };
        match &mut slots[usize::from(is_pcre2)] {
            None => {
                let pattern = PatternDef::new(dialect, &element.text);
                slots[usize::from(is_pcre2)] = Some(OffsetPattern { pattern, offset });
            }
            Some(first) => {
                first.pattern.text.push_str(&element.text.value);
                let length = first.pattern.text.len();
                if offset.is_some() {
                    self.error("D005", "only the first of several elements can have an offset", &element.span);
                }
                if length > MAX_JOINED_BYTES {
                    self.error("D006", "the joined pattern is longer than 8192 bytes", &element.span);
                }
            }
        }
    }

    /// OSSEC looks at the first attribute alone, and refuses it if it is not `offset`; as it is written,
    /// `type` may stand before it.
    ///
    /// `has_field`: whether it may name a JSON value, which no element of OSSEC's does.
    fn offset(&mut self, element: &Element, has_field: bool) -> Option<Offset> {
        let first = element.attributes.first()?;
        let is_offset = |attribute: &&Attribute| attribute.name.value.eq_ignore_ascii_case("offset");
        let may_be_first = is_offset(&first)
            || (self.reading == Reading::AsWritten && first.name.value.eq_ignore_ascii_case("type"))
            || (has_field && first.name.value.eq_ignore_ascii_case("field"));
        if !may_be_first {
            self.diagnostics.push(unknown_name("D004", "attribute", &first.name, &["offset"]));
            return None;
        }
        let attribute = element.attributes.iter().find(is_offset)?;
        self.offset_named(attribute)
    }

    fn offset_named(&mut self, attribute: &Attribute) -> Option<Offset> {
        match attribute.value.value.as_str() {
            "after_parent" => Some(Offset::AfterParent),
            "after_prematch" => Some(Offset::AfterPrematch),
            "after_regex" => Some(Offset::AfterRegex),
            _ => {
                let known = ["after_parent", "after_prematch", "after_regex"];
                self.diagnostics.push(unknown_name("D007", "offset", &attribute.value, &known));
                None
            }
        }
    }

    fn order(&mut self, element: &Element) {
        let words: Vec<String> = element.text.value.split(',').map(|word| word.trim().to_owned()).collect();
        if words.iter().any(String::is_empty) {
            self.error("D008", "a field name is missing between commas", &element.text.span);
        }
        self.def.order = Some(words);
    }

    fn own_name(&mut self, text: &Text) {
        self.def.use_own_name = text.value == "true";
        if !["true", "false"].contains(&text.value.as_str()) {
            let message = "only the value true has an effect: the decoder uses its parent's name, as in OSSEC";
            self.diagnostics.push(Diagnostic::warning("D026", message).at(text.span.clone()).help("write true"));
        }
    }

    fn plugin(&mut self, element: &Element) {
        let plugin = match element.text.value.as_str() {
            "PF_Decoder" => Some(Plugin::Pf),
            "SymantecWS_Decoder" => Some(Plugin::SymantecWs),
            "SonicWall_Decoder" => Some(Plugin::SonicWall),
            "OSSECAlert_Decoder" => Some(Plugin::OssecAlert),
            "JSON_Decoder" => Some(Plugin::Json),
            _ => {
                let known =
                    ["PF_Decoder", "SymantecWS_Decoder", "SonicWall_Decoder", "OSSECAlert_Decoder", "JSON_Decoder"];
                self.diagnostics.push(unknown_name("D009", "plug-in decoder", &element.text, &known));
                None
            }
        };
        self.def.plugin = plugin.map(|plugin| (plugin, self.reading));
        // Wazuh's JSON decoder can start behind other text; OSSEC's plug-ins know no offset.
        let offset = element.attribute_ignoring_case("offset").is_some() && plugin == Some(Plugin::Json);
        let known: &[&str] = if offset { &["offset"] } else { &[] };
        attributes::read(element, known, Obeys::Nothing, self.reading, "D004", self.diagnostics);
        let named = element.attributes.iter().find(|attribute| attribute.name.value.eq_ignore_ascii_case("offset"));
        self.def.plugin_offset = named.filter(|_| offset).and_then(|attribute| self.offset_named(attribute));
    }

    fn error(&mut self, code: &'static str, message: &str, span: &Span) {
        self.diagnostics.push(Diagnostic::error(code, message).at(span.clone()));
    }

    fn finish(mut self) -> DecoderDef {
        let program_name = std::mem::take(&mut self.program_name);
        let program_name = self.choose(program_name);
        self.def.program_name = program_name.map(|chosen| chosen.pattern);
        let prematch = std::mem::take(&mut self.prematch);
        self.def.prematch = self.choose(prematch);
        let regex = std::mem::take(&mut self.regex);
        self.def.regex = self.choose(regex);
        self.check();
        self.def
    }

    /// The plain form wins over the PCRE2 form, as in OSSEC, but not in silence.
    fn choose(&mut self, [plain, pcre2]: [Option<OffsetPattern>; 2]) -> Option<OffsetPattern> {
        if let (Some(_), Some(dropped)) = (&plain, &pcre2) {
            self.diagnostics.push(
                Diagnostic::warning("D012", "unused: the plain form of the same condition is also present")
                    .at(dropped.pattern.span.clone()),
            );
        }
        plain.or(pcre2)
    }

    fn check(&mut self) {
        let def = &self.def;
        let span = def.name.span.clone();
        let mut problems = Vec::new();
        if def.prematch.is_none() && def.parent.is_none() && def.program_name.is_none() {
            problems.push(("D013", "a decoder needs a prematch, a parent or a program_name"));
        }
        if def.regex.is_some() != def.order.is_some() && def.plugin.is_none() {
            problems.push(("D014", "regex and order must be used together"));
        }
        if def.fts.is_some() && def.regex.is_none() && def.plugin.is_none() {
            problems.push(("D014", "fts needs a regex"));
        }
        if def.plugin_offset == Some(Offset::AfterRegex) {
            problems.push(("D016", "a plug-in only supports the offsets after_parent and after_prematch"));
        }
        if def.plugin.is_some() && (def.regex.is_some() || def.order.is_some()) {
            problems.push(("D015", "a plug-in decoder cannot have regex or order"));
        }
        let [prematch, regex] =
            [&def.prematch, &def.regex].map(|condition| condition.as_ref().and_then(|condition| condition.offset));
        let offsets = [prematch, regex, def.plugin_offset];
        if offsets.contains(&Some(Offset::AfterParent)) && def.parent.is_none() {
            problems.push(("D016", "after_parent needs a parent"));
        }
        if matches!(offsets[0], Some(Offset::AfterPrematch | Offset::AfterRegex)) {
            problems.push(("D016", "prematch only supports the offset after_parent"));
        }
        if offsets[1..].contains(&Some(Offset::AfterPrematch)) && def.prematch.is_none() && def.parent.is_some() {
            problems.push(("D016", "after_prematch needs a prematch"));
        }
        for (code, message) in problems {
            self.error(code, message, &span);
        }
    }
}
