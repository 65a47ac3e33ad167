//! The shipped decoders and rules: they load without a word of complaint, run in linear time, and
//! answer every case in `config/ruleset/tests`.

mod cases;
mod files;
mod patterns;
