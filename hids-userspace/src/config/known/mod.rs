//! Every section and option of ossec.conf: its form, whether it repeats, whether it is acted on.
//!
//! One table drives checking, warnings and the manual; an option that is not here is an error,
//! as it is in OSSEC 4.3.0 (`src/config/*.c`).

mod manual;
mod sections;
mod wazuh;

pub(super) use manual::{entry as manual_entry, introduction as manual_introduction};
pub(super) use sections::SECTIONS;
pub(super) use wazuh::{wazuh_option, wazuh_section};

/// A section of ossec.conf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum SectionKind {
    Global,
    Rules,
    Syscheck,
    Rootcheck,
    Alerts,
    EmailAlerts,
    DatabaseOutput,
    SyslogOutput,
    Agentless,
    LocalFile,
    Remote,
    Client,
    Command,
    Reports,
    ActiveResponse,
}

/// What is known of a section.
pub(super) struct SectionSpec {
    pub kind: SectionKind,
    pub name: &'static str,
    /// Whether each section stands for itself (one log source, one response, …); otherwise all
    /// sections of that name are one, in which the last value of an option wins.
    pub one_thing_each: bool,
    pub options: &'static [OptionSpec],
    /// Why nothing comes of the section, if so.
    pub not_acted_on: Option<&'static str>,
}

impl SectionSpec {
    /// The option of that name; some do not distinguish case (OSSEC `src/config/remote-config.c`,
    /// `localfile-config.c`).
    pub(super) fn option(&self, name: &str) -> Option<&'static OptionSpec> {
        let any_case = |option: &OptionSpec| match self.kind {
            SectionKind::Remote => true,
            SectionKind::LocalFile => matches!(option.name, "log_format" | "alias"),
            _ => false,
        };
        self.options
            .iter()
            .find(|option| option.name == name || (any_case(option) && option.name.eq_ignore_ascii_case(name)))
    }
}

/// What is known of an option.
pub(super) struct OptionSpec {
    pub name: &'static str,
    pub form: Form,
    /// Whether it may be given several times, each time adding something.
    pub repeats: bool,
    pub effect: Effect,
}

/// What a value must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `yes` or `no`.
    YesNo,
    /// Digits, between the two inclusive.
    Number(u64, u64),
    /// A number of seconds.
    Seconds,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Some text in which blanks at the ends mean nothing, not empty.
    Word,
    /// A path, absolute or relative to the install directory.
    Path,
    /// Any text, kept exactly.
    Text,
    /// Checked by the section's own resolver; blanks at the ends mean nothing.
    Special,
    /// Checked by the section's own resolver; blanks are allowed everywhere.
    List,
}

/// Whether an option does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Acted,
    /// A later version will; this one names it in a warning.
    NotYet(&'static str),
    /// Without effect here, and why.
    None(&'static str),
}

impl OptionSpec {
    const fn new(name: &'static str, form: Form) -> Self {
        Self { name, form, repeats: false, effect: Effect::Acted }
    }

    const fn repeats(self) -> Self {
        Self { repeats: true, ..self }
    }

    const fn not_yet(self, what: &'static str) -> Self {
        Self { effect: Effect::NotYet(what), ..self }
    }

    const fn no_effect(self, why: &'static str) -> Self {
        Self { effect: Effect::None(why), ..self }
    }
}
