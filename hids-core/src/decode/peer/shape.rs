//! Detects decoders whose patterns do not anchor the address to fixed text of the program.
//!
//! An address is pinned if the pattern begins at the start of the message and nothing that could be a
//! client's words stands before it, or if it ends at the end of the message and nothing of the kind
//! stands behind it. Otherwise a client that may choose a word of the line can write another address
//! where the pattern looks first.

use crate::decode::compile::DecoderSet;
use crate::decode::decoder::Condition;
use crate::decode::fields::FieldId;
use crate::decode::parse::Offset;
use crate::pattern::{Part, paths};

/// Whether the address that a decoder extracts is pinned; true where it extracts none.
pub(super) fn pins_address(decoders: &DecoderSet, index: u16) -> bool {
    let decoder = decoders.decoder(index);
    let Some(position) = decoder.order.iter().position(|&field| field == FieldId::SRC_IP) else { return true };
    let Some(regex) = &decoder.regex else { return true };
    let Some(paths) = paths(&regex.pattern) else { return false };
    let begins_clean = begins_clean(decoders, index, regex.offset);
    paths.iter().all(|path| is_pinned(path, &decoder.order, position, begins_clean))
}

/// Whether only words of the program stand before the place where a regex of this offset starts.
fn begins_clean(decoders: &DecoderSet, index: u16, offset: Option<Offset>) -> bool {
    let decoder = decoders.decoder(index);
    match offset {
        None => true,
        Some(Offset::AfterParent) => decoder.parent.is_none_or(|parent| prematch_is_clean(decoders, parent)),
        Some(Offset::AfterPrematch) => prematch_is_clean(decoders, index),
        Some(Offset::AfterRegex) => previous_of_group(decoders, index).is_some_and(|previous| {
            let before = decoders.decoder(previous);
            before
                .regex
                .as_ref()
                .is_some_and(|regex| begins_clean(decoders, previous, regex.offset) && is_clean(regex, &before.order))
        }),
    }
}

fn prematch_is_clean(decoders: &DecoderSet, index: u16) -> bool {
    let decoder = decoders.decoder(index);
    match &decoder.prematch {
        Some(prematch) => begins_clean(decoders, index, prematch.offset) && is_clean(prematch, &[]),
        None => decoder.parent.is_none_or(|parent| prematch_is_clean(decoders, parent)),
    }
}

fn previous_of_group(decoders: &DecoderSet, index: u16) -> Option<u16> {
    let parent = decoders.decoder(index).parent?;
    decoders.decoder(parent).children.iter().find_map(|&head| {
        let followers = &decoders.decoder(head).followers;
        let place = followers.iter().position(|&follower| follower == index)?;
        Some(place.checked_sub(1).map_or(head, |before| followers[before]))
    })
}

/// Whether a pattern is anchored at its start and takes no words of others.
fn is_clean(condition: &Condition, order: &[FieldId]) -> bool {
    let paths = paths(&condition.pattern);
    paths.is_some_and(|paths| {
        paths.iter().all(|path| path.first() == Some(&Part::Start) && !may_be_words(path, order, &mut 0))
    })
}

/// `position` is the place of the address in `order`.
fn is_pinned(path: &[Part], order: &[FieldId], position: usize, begins_clean: bool) -> bool {
    let groups = || (0..).zip(path).filter(|(_, part)| matches!(part, Part::Group(_)));
    // Groups that take no part move later ones up; a way without this group extracts no address.
    let Some((at, _)) = groups().nth(position) else { return true };
    let (before, behind) = (&path[..at], &path[at + 1..]);
    let front = begins_clean && before.first() == Some(&Part::Start) && !may_be_words(before, order, &mut 0);
    let back = behind.last() == Some(&Part::End) && !may_be_words(behind, order, &mut (position + 1));
    front || back
}

/// Whether a client's own words could stand in these parts; `group` counts the groups.
fn may_be_words(parts: &[Part], order: &[FieldId], group: &mut usize) -> bool {
    parts.iter().any(|part| match part {
        Part::Start | Part::End | Part::Fixed => false,
        Part::Words { blanks, punctuation } => *blanks || *punctuation,
        Part::Group(inside) => {
            let field = order.get(*group).copied();
            *group += 1;
            let is_programs_own = field.is_some_and(|field| PROGRAMS_OWN.contains(&field));
            let has_words = inside.iter().any(|part| matches!(part, Part::Words { .. } | Part::Group(_)));
            let has_blanks = inside.iter().any(|part| matches!(part, Part::Words { blanks: true, .. }));
            has_blanks || (has_words && !is_programs_own)
        }
    })
}

/// Fields whose words the program chooses.
const PROGRAMS_OWN: [FieldId; 9] = [
    FieldId::SRC_IP,
    FieldId::DST_IP,
    FieldId::SRC_PORT,
    FieldId::DST_PORT,
    FieldId::PROTOCOL,
    FieldId::ACTION,
    FieldId::ID,
    FieldId::STATUS,
    FieldId::SYSTEM_NAME,
];
