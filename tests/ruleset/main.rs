//! The shipped decoders and rules: they load without a word of complaint, run in linear time,
//! answer every case in `config/ruleset/tests`, and name nobody but the peer; each of them is covered by tests.

mod answers;
mod cases;
mod counting;
mod coverage;
mod files;
mod forgery;
mod headers;
mod journal_form;
mod known_attacks;
mod openssh;
mod openssh7;
mod page;
mod patterns;
mod personas;
mod reference;
mod shipped;
mod shrinking;
