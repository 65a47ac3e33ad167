//! Decoders: `decoders-and-rules.md` section 3.2, step by step.

use std::collections::BTreeMap;

use super::Event;
use super::patterns::{captures, matches};
use crate::model::{Decoder, Line, Offset};

/// Decodes a line that came at `time`.
pub(crate) fn decode(decoders: &[Decoder], line: &Line, time: i64) -> Event {
    let mut event = Event {
        time,
        line: line.text(),
        log: line.log.clone(),
        host: line.host.unwrap_or("localhost").into(),
        program: line.program.map(str::to_owned),
        decoder: None,
        kind: "syslog",
        fields: BTreeMap::new(),
    };
    // Steps 1 and 2: only one of the two lists, and the first parent that fits.
    let Some((place, parent_end)) = (0..decoders.len())
        .filter(|&place| {
            let decoder = &decoders[place];
            decoder.parent.is_none() && decoder.program_name.is_some() == event.program.is_some()
        })
        .find_map(|place| Some((place, parent_end(&decoders[place], &event)?)))
    else {
        return event;
    };
    let parent = &decoders[place];
    event.decoder = Some(parent.name.clone());
    event.kind = parent.kind;
    // A child belongs to every parent of that name that stands before it.
    let children: Vec<&Decoder> =
        decoders[place..].iter().filter(|decoder| decoder.parent.as_ref() == Some(&parent.name)).collect();
    if children.is_empty() {
        // Step 3. "After my prematch" is where the parent's prematch ended.
        apply(&mut event, parent, parent_end, parent_end, None);
        return event;
    }
    decode_children(&mut event, &children, parent_end);
    event
}

/// Where the prematch ends if the decoder takes the event; the start without a prematch.
fn parent_end(decoder: &Decoder, event: &Event) -> Option<usize> {
    if let Some(pattern) = &decoder.program_name
        && !matches(pattern, event.program.as_ref()?)
    {
        return None;
    }
    match &decoder.prematch {
        Some((pattern, _)) => Some(captures(pattern, &event.log)?.1),
        None => Some(0),
    }
}

/// Steps 4 to 6.
fn decode_children(event: &mut Event, children: &[&Decoder], parent_end: usize) {
    let mut chosen = None;
    for (index, child) in children.iter().enumerate() {
        if index > 0 && children[index - 1].name == child.name {
            continue;
        }
        let Some((pattern, offset)) = &child.prematch else {
            chosen = Some((index, parent_end));
            break;
        };
        let start = if *offset == Offset::AfterParent { parent_end } else { 0 };
        if let Some((_, end)) = captures(pattern, &event.log[start..]) {
            become_child(event, child);
            chosen = Some((index, start + end));
            break;
        }
    }
    let Some((first, prematch_end)) = chosen else { return };
    let mut previous_end = None;
    for child in children[first..].iter().take_while(|child| child.name == children[first].name) {
        previous_end = apply(event, child, parent_end, prematch_end, previous_end);
        if previous_end.is_some() {
            become_child(event, child);
        }
    }
}

fn become_child(event: &mut Event, child: &Decoder) {
    if child.use_own_name {
        event.decoder = Some(child.name.clone());
    }
    event.kind = child.kind;
}

/// Runs the decoder's regex and stores what it captured; where it ended in the log.
fn apply(
    event: &mut Event,
    decoder: &Decoder,
    parent_end: usize,
    prematch_end: usize,
    previous_end: Option<usize>,
) -> Option<usize> {
    let (pattern, offset) = decoder.regex.as_ref()?;
    let start = match offset {
        Offset::Start => 0,
        Offset::AfterParent => parent_end,
        Offset::AfterPrematch => prematch_end,
        Offset::AfterRegex => previous_end.unwrap_or(prematch_end),
    };
    let (groups, end) = captures(pattern, &event.log[start..])?;
    for (name, value) in decoder.order.iter().zip(groups) {
        let name = if name == "user" { "dstuser" } else { name };
        event.fields.insert(name.to_owned(), value);
    }
    Some(start + end)
}
