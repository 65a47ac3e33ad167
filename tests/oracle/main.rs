//! The engine against a second, deliberately naive reading of OSSEC's semantics.
//!
//! `model` holds small decoder and rule files as values; `xml` writes them for the engine and
//! `naive` answers for them by plain scans. `generate` makes them, and events, at random. Beside
//! that: hostile patterns and lines keep their time, and inputs that once crashed stay harmless.

mod differential;
mod evil;
mod generate;
mod model;
mod naive;
mod replay;
mod xml;
