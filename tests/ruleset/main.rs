//! The shipped decoders and rules: they load without a word of complaint, run in linear time,
//! answer every case in `config/ruleset/tests`, and name nobody but the peer.

mod answers;
mod cases;
mod counting;
mod files;
mod forgery;
mod headers;
mod known_attacks;
mod openssh;
mod openssh7;
mod patterns;
mod personas;
mod reference;
mod shipped;
