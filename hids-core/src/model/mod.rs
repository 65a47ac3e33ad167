//! The nouns of the domain: plain owned data that flows between stages.

mod alert;
mod event;
mod ids;
mod time;
mod view;

pub use alert::{Alert, DecoderNames, EvidenceLine, Field, FieldName, Fields, RuleFacts, RuleStep};
pub use event::{Channel, EventRef, LogBatch, LogSource, SourcePosition};
pub use ids::{AlertId, Level, RuleId};
pub use time::Timestamp;
pub use view::{AlertView, FieldsView};
