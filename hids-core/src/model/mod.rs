//! The nouns of the domain: plain owned data that flows between stages.

mod alert;
mod event;
mod ids;
mod time;

pub use alert::{Alert, DecoderNames, EvidenceLine, Field, FieldName, Fields, RuleFacts, RuleStep};
pub use event::{Channel, EventRef, LogBatch, LogSource, SourcePosition};
pub use ids::{AlertId, Level, RuleId};
pub use time::Timestamp;
