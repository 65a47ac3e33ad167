//! ossec.conf: as written (`raw`), then as typed values in which a bad state cannot be expressed
//! (`resolve`). Each stage gets its own part.
//!
//! It reads configuration files and looks which files they name exist; it changes nothing. Every
//! problem of a run is found in that run, with a stable code:
//!
//! | Codes | About |
//! | --- | --- |
//! | C001–C009 | the file, its sections, options and attributes |
//! | C010–C019 | values: C010 yes/no, C011 number, C012 range, C013 one of several, C014 seconds, C015 address, C016 mail address, C017 time or day, C018 path, C019 empty |
//! | C020–C029 | how options work together and are used: C020 given twice, C021 not acted on yet, C022 without effect, C023 blanks |
//! | C030–C039 | mail and `<global>` |
//! | C040–C049 | `<rules>` and `<alerts>` |
//! | C050–C059 | `<syscheck>` and `<rootcheck>` |
//! | C060–C069 | `<localfile>` |
//! | C070–C079 | `<command>` |
//! | C080–C094 | `<active-response>` |
//! | C095–C099 | `<email_alerts>`, `<syslog_output>`, `<reports>` and the like |
//! | C100 | internal options |
//! | C104–C107 | C104 shell syntax in `<smtp_server>`, C105 a mail program without `-t`, C106 a pattern that matches everything, C107 an `<email_alerts>` that never mails |
//! | C111, C116, C118, C119, C135, C137, C140 | `<localfile>` |
//! | C117, C136, C139 | what is watched: C117 logins by nobody, C136 logins in files alone, C139 nothing at all |
//! | C120 | `<active-response>` |
//! | C125–C126 | what others could change: C125 files of the configuration, C126 programs of active responses |
//! | C138 | `<rules>` |
//! | C141–C142 | `allow.list`: C141 a line that is no network, C142 others could change it |

pub(crate) mod allow_list;
pub(crate) mod command_line;
pub(crate) mod effective;
mod known;
mod load;
mod paths;
mod raw;
mod read_file;
mod resolve;
mod trusted;
mod types;
mod value;

#[cfg(test)]
mod tests;

pub use load::{LoadOptions, Loaded, find_config, load, locate};
pub(crate) use load::{Overlay, check_text, load_allowed, load_syscheck, load_with, syscheck_of_text};
pub use read_file::CONFIG_SIZE_LIMIT_BYTES;
pub use types::*;
pub(crate) use value::is_mail_address;
