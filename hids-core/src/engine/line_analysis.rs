//! The part of the analysis that depends on the line alone: header, literals, decoder, fields.
//!
//! It can be done by several threads at once, in any order; the rules, which count, come after it in
//! the order of the events.

use std::sync::Arc;

use super::compiled::Compiled;
use super::dropped::{self, Dropped};
use super::message_cache::{CachedMessage, Found, MessageCache};
use super::parts::Parts;
use crate::decode::{
    self, Decoded, DecoderSet, DecoderTrial, EventKind, FieldId, FieldValues, NameId, PeerScratch, Scratch, decode,
};
use crate::fim;
use crate::model::{Channel, EventRef, FimEvent, Timestamp};
use crate::pattern::Seen;
use crate::predecode::{Headers, Predecoded, container, predecode};
use crate::rules::{self, HostNews, RuleEvent};

/// What the line of one event tells by itself; reuse it to save allocations.
#[derive(Default)]
pub struct LineAnalysis {
    pub(super) parts: Parts,
    pub(super) decoded: Decoded,
    pub(super) fields: FieldValues,
    pub(super) seen: Seen,
    /// Whether the line was analysed as it came.
    pub(super) is_clean: bool,
    /// Why the strict mode drops it, whatever came before.
    pub(super) dropped: Option<Dropped>,
    /// What was known of the message.
    pub(super) known: Option<Arc<CachedMessage>>,
    /// The line without control bytes, in the strict mode; by default, what a container runtime wrapped.
    pub(super) clean: Vec<u8>,
}

/// Prepares events for [`Engine::finish`](super::Engine::finish).
pub struct Analyser {
    pub(super) compiled: Arc<Compiled>,
    scratch: Scratch,
    peers: PeerScratch,
    cache: MessageCache,
}

impl Analyser {
    pub(super) fn new(compiled: Arc<Compiled>) -> Self {
        Self { compiled, scratch: Scratch::default(), peers: PeerScratch::default(), cache: MessageCache::default() }
    }

    /// Finds header, decoder and fields of `event`.
    pub fn prepare(&mut self, event: EventRef<'_>, prepared: &mut LineAnalysis) {
        self.run(event, prepared, None);
    }

    pub(super) fn run(
        &mut self,
        event: EventRef<'_>,
        prepared: &mut LineAnalysis,
        trials: Option<&mut Vec<DecoderTrial>>,
    ) {
        #[cfg(feature = "faults")]
        crate::faults::strike("decoder", event.line);
        let Self { compiled, scratch, peers, cache } = self;
        let Compiled { decoders, prefilter, options, .. } = &**compiled;
        // The texts of file integrity are our own: OSSEC's analysisd makes them itself, after cleaning.
        let is_ours = event.notice.is_some();
        prepared.is_clean = !options.strict_ossec || is_ours || !has_control_bytes(event.line);
        let line = match prepared.is_clean {
            true if options.strict_ossec || is_ours => event.line,
            true => {
                let line = event.line.strip_suffix(b"\r").unwrap_or(event.line);
                prepared.is_clean = event.source.channel != Channel::Log || !is_wrapped(line, &mut prepared.clean);
                if prepared.is_clean { line } else { &prepared.clean }
            }
            false => {
                prepared.clean.clear();
                prepared.clean.extend(event.line.iter().copied().filter(|byte| !byte.is_ascii_control()));
                &prepared.clean
            }
        };
        let headers = if options.strict_ossec { Headers::StrictOssec } else { Headers::Modern };
        let mut found = if is_ours { Predecoded::without_header(line) } else { predecode(line, headers) };
        prepared.parts = Parts::of(line, &found);
        let mut place = None;
        prepared.known = None;
        // Explanations name everything that was tried.
        if event.source.channel == Channel::Log && trials.is_none() && !is_ours {
            match cache.find(&found) {
                Found::Known(known) => return prepared.take_over(known),
                Found::Again(free) => place = Some(free),
                Found::New => {}
            }
        }
        // Characters of other alphabets that fold to ASCII letters exist only in the strict mode.
        if options.strict_ossec && !found.log.is_ascii() {
            prefilter.pass_all(&mut scratch.seen);
        } else {
            prefilter.scan(found.log, &mut scratch.seen);
        }
        let decoded = match event.source.channel {
            Channel::Log => {
                let mut decoded = decode(decoders, &found, scratch, trials);
                // Decoders may be written for a header that OSSEC takes for a part of the message.
                if !decoded.is_known() && headers == Headers::Modern {
                    let as_ossec = predecode(line, Headers::StrictOssec);
                    if as_ossec != found {
                        prefilter.scan(as_ossec.log, &mut scratch.seen);
                        let again = decode(decoders, &as_ossec, scratch, None);
                        if again.is_known() {
                            (decoded, found, place) = (again, as_ossec, None);
                            prepared.parts = Parts::of(line, &found);
                        } else {
                            prefilter.scan(found.log, &mut scratch.seen);
                        }
                    }
                }
                if let Some(guard) = &compiled.peers {
                    let found = decode::Found { line, event: &found, decoded: &decoded };
                    guard.look(&found, decoders, prefilter, scratch, peers);
                }
                decoded
            }
            channel => {
                scratch.fields.clear();
                match event.notice {
                    Some(notice) => of_file_integrity(compiled, &notice.news, &mut scratch.fields),
                    None => built_in(decoders, channel, found.log, None),
                }
            }
        };
        let as_daemon = options.is_strict_daemon();
        let is_firewall = decoded.kind == EventKind::Firewall && options.log_fw;
        let is_incomplete = is_firewall && as_daemon && !dropped::is_complete(&scratch.fields, found.log);
        prepared.dropped = is_incomplete.then_some(Dropped::IncompleteFirewall);
        if is_firewall && !is_incomplete && (as_daemon || !options.strict_ossec) {
            normalise_action(scratch, found.log);
        }
        prepared.decoded = decoded;
        std::mem::swap(&mut prepared.fields, &mut scratch.fields);
        std::mem::swap(&mut prepared.seen, &mut scratch.seen);
        let stands_alone = !decoders.accumulates(&decoded) && decoded.original_rule.is_none();
        if let Some(place) = place.filter(|_| stands_alone)
            && let Some(candidates) = rules::candidates(&compiled.rules, &of_message(compiled, &found, prepared))
        {
            cache.keep(place, &found, decoded, prepared.dropped, &prepared.fields, candidates);
        }
    }
}

impl LineAnalysis {
    fn take_over(&mut self, known: Arc<CachedMessage>) {
        self.decoded = known.decoded;
        self.dropped = known.dropped;
        self.fields.copy_from(&known.fields);
        self.known = Some(known);
    }

    /// Which literals the message may contain.
    pub(super) fn seen<'a>(&'a self, compiled: &'a Compiled) -> &'a Seen {
        if self.known.is_some() { &compiled.all_literals } else { &self.seen }
    }
}

/// What rules see of a message, wherever and whenever it comes.
fn of_message<'a>(compiled: &'a Compiled, found: &Predecoded<'a>, prepared: &'a LineAnalysis) -> RuleEvent<'a> {
    let Decoded { name, kind, .. } = prepared.decoded;
    RuleEvent {
        full_log: found.log,
        log: found.log,
        log_offset: 0,
        hostname: b"",
        program_name: found.program_name,
        seen: &prepared.seen,
        fields: &prepared.fields,
        is_common_url: compiled.rules.is_common_url(&prepared.fields, found.log),
        decoder: name,
        decoder_name: name.map_or("", |name| compiled.decoders.name(name)),
        kind,
        fts: None,
        location: "",
        now: Timestamp::default(),
    }
}

/// News of file integrity needs no decoding: it is there as a value.
fn of_file_integrity(compiled: &Compiled, news: &FimEvent, fields: &mut FieldValues) -> Decoded {
    let name = fim::decoder(news, compiled.options.counts_changes);
    if let Some(path) = fim::subject(news) {
        fields.set_made(FieldId::FILE_NAME, path);
    }
    Decoded::built_in(compiled.decoders.name_id(name), EventKind::Ossec)
}

/// Whether `line` is one of Docker's files, which wraps a line of a container; what is inside is then in `inside`. A
/// syslog line of the network never begins with the wrapper: the syslog daemon puts its header before it.
fn is_wrapped(line: &[u8], inside: &mut Vec<u8>) -> bool {
    if line.first() != Some(&b'{') {
        return false;
    }
    inside.clear();
    container::docker(line, inside)
}

/// OSSEC deletes 0x00 to 0x1F and 0x7F from every line.
fn has_control_bytes(line: &[u8]) -> bool {
    line.iter().fold(false, |found, byte| found | byte.is_ascii_control())
}

/// Events of our own sensors are known by their first words; whether a scan found a host
/// new or changed, only the earlier scans tell.
pub(super) fn built_in(decoders: &DecoderSet, channel: Channel, log: &[u8], host_news: Option<HostNews>) -> Decoded {
    let (name, kind) = match channel {
        Channel::HostInformation if host_news == Some(HostNews::New) => ("hostinfo_new", EventKind::Ossec),
        Channel::HostInformation => ("hostinfo_modified", EventKind::Ossec),
        Channel::Syscheck if log.starts_with(b"New file") => ("syscheck_new_entry", EventKind::Ossec),
        Channel::Syscheck if log.starts_with(b"File ") => ("syscheck_deleted", EventKind::Ossec),
        Channel::Syscheck => ("syscheck_integrity_changed", EventKind::Ossec),
        Channel::Rootcheck | Channel::Log => ("rootcheck", EventKind::Ossec),
    };
    let id: Option<NameId> = decoders.name_id(name);
    Decoded::built_in(id, kind)
}

/// Rules on packet filters see one of five words.
fn normalise_action(scratch: &mut Scratch, log: &[u8]) {
    let Some(action) = scratch.fields.value(FieldId::ACTION, log) else { return };
    let contains = |word: &[u8]| action.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word));
    let word: &[u8] = match action.first().map(u8::to_ascii_lowercase) {
        Some(b'd' | b'r' | b'b') => b"DROP",
        Some(b'c' | b't') => b"CLOSED",
        Some(b'a' | b'p' | b'o') => b"ALLOW",
        _ if contains(b"drop") => b"DROP",
        _ if contains(b"accept") => b"ALLOW",
        _ => b"UNKNOWN",
    };
    scratch.fields.set_made(FieldId::ACTION, word);
}
