//! What stages ask of one another without knowing each other: traits that one calls, another provides,
//! and `daemon` puts together.

pub(crate) mod alert_spool;
pub(crate) mod standing;
