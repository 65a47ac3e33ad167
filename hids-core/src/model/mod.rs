//! The nouns of the domain: plain owned data that flows between stages.

mod alert;
mod event;
mod file;
mod file_event;
mod file_notice;
mod ids;
mod sender;
mod target;
mod time;
mod view;
mod who;
mod window;

pub use alert::{Alert, DecoderNames, EvidenceLine, Field, FieldName, Fields, RuleFacts, RuleStep};
pub use event::{Channel, EventRef, LogBatch, LogSource, SourcePosition};
pub use file::{ChangeKind, Digests, FileChange, FileKind, FileState};
pub use file_event::{FileEvent, Gap, GapCause, Operation, Operations, Sensed};
pub use file_notice::{Acceptance, Damage, FileNotice, FimEvent, Protection, Refusal, Restored, SetAside};
pub use ids::{AlertId, Level, RuleId};
pub use sender::{Doubt, UntrustedSender};
pub use target::{AttackedTarget, MOST_SOURCES_NAMED, TargetKind};
pub use time::Timestamp;
pub use view::{AlertView, FieldsView};
pub use who::{Ancestor, ExecutableNote, ExecutableNotes, Who, WhoSource};
pub use window::{WindowEnd, WindowEndCause, WindowNews};
