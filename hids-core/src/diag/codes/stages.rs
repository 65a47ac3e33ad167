//! Codes about log sources, responses and outputs in the configuration.

use super::entry::{Code, ERROR, ERROR_OR_NOTE, ERROR_OR_WARNING, NOTE, WARNING, WARNING_OR_NOTE};

pub(super) const STAGES: &[Code] = &[
    Code::new(
        "C060",
        ERROR,
        "<localfile> without <log_format>",
        "The format says how lines are put together. For most files it is `syslog`.",
    ),
    Code::new("C061", ERROR, "<localfile> without <location>", "Neither a file nor a command is named."),
    Code::new(
        "C062",
        WARNING,
        "Command and format do not belong together",
        "A <command> without the format `command` or `full_command` is taken as a file name, as in OSSEC; a source \
         of such a format without <command> is not read.",
    ),
    Code::new("C063", WARNING, "Log source given twice", "The first entry counts; its lines are read once."),
    Code::new(
        "C064",
        WARNING,
        "Source for Windows",
        "Event logs of Windows do not exist here; the source is not read.",
    ),
    Code::new(
        "C065",
        ERROR,
        "Not a multilog file",
        "A file of the format djb-multilog is called `current` and lies in the folder that names the program.",
    ),
    Code::new(
        "C066",
        WARNING,
        "Location of the journal is misunderstood",
        "The journal is read with `all` or the identifier of a program as location. Journal files are not read by \
         path.",
    ),
    Code::new(
        "C067",
        ERROR,
        "Time pattern in a path cannot be understood",
        "The `%` parts of the location are those of strftime(3). A literal percent sign is `%%`.",
    ),
    Code::new(
        "C068",
        WARNING,
        "Command needs a shell",
        "No shell is ever started here. Words, quotes, pipes and `2>&1` are understood; put anything else into a \
         small program of your own.",
    ),
    Code::new(
        "C070",
        ERROR,
        "<command> is not complete",
        "A command has <name>, <executable> and <expect>; the last may be empty.",
    ),
    Code::new("C071", WARNING, "Command defined twice", "The first definition counts."),
    Code::new("C072", ERROR, "Name of a command with blanks", "Responses name commands by one word."),
    Code::new(
        "C073",
        ERROR,
        "<executable> is not a plain file name",
        "Programs of responses lie in active-response/bin and are named without path and arguments.",
    ),
    Code::new(
        "C074",
        WARNING,
        "<expect> is not as it should be",
        "A word that is no known field is ignored, as in OSSEC. A command that blocks addresses is taken to expect \
         srcip even if it does not say so.",
    ),
    Code::new("C080", ERROR, "<active-response> is not complete", "<command> or <location> is missing."),
    Code::new(
        "C081",
        ERROR_OR_WARNING,
        "Command of a response is not defined",
        "No <command> has this name. As a warning: it is defined further down, where OSSEC does not find it.",
    ),
    Code::new(
        "C082",
        ERROR,
        "Unknown location of a response",
        "Locations are local, server, all and defined-agent. On a stand-alone host write `local`.",
    ),
    Code::new(
        "C083",
        ERROR_OR_WARNING,
        "Response for an agent",
        "This program has no agents. defined-agent without <agent_id> is refused, as in OSSEC; with one, the \
         response is for another host and not carried out.",
    ),
    Code::new(
        "C084",
        ERROR_OR_NOTE,
        "Timeout of a response cannot be kept",
        "The command cannot undo what it did (<timeout_allowed>). Blocks of this program end in any case, which is a \
         note.",
    ),
    Code::new(
        "C085",
        WARNING_OR_NOTE,
        "When a response happens",
        "It is bound to no rule and never happens; or it names level, rules and groups together, which are \
         alternatives: a rule that fits any of them is answered.",
    ),
    Code::new(
        "C086",
        NOTE,
        "Blocking is done by this program",
        "The script of this name is not run: addresses are blocked in nftables by the daemon itself.",
    ),
    Code::new("C087", WARNING, "Blocks without an end", "Without <timeout> blocks stay until `hidsctl blocks remove`."),
    Code::new(
        "C088",
        WARNING,
        "Response to everyday events",
        "Rules of such a low level report what honest users do all day, so that these get blocked.",
    ),
    Code::new(
        "C089",
        WARNING,
        "Response program is missing or unusable",
        "The program is not in active-response/bin, so responses of this command do not happen.",
    ),
    Code::new(
        "C090",
        WARNING_OR_NOTE,
        "Active responses are switched off",
        "A <disabled> switch holds for more or for fewer responses than it seems. The message says for which.",
    ),
    Code::new(
        "C091",
        ERROR_OR_WARNING,
        "Value of <repeated_offenders>",
        "Minutes separated by commas, at most five of them; a 0 ends the list. The first such element holds for all \
         responses.",
    ),
    Code::new(
        "C095",
        ERROR,
        "<email_alerts> does not say for whom or for what",
        "<email_to> is missing, or no criterion selects alerts for the mail.",
    ),
    Code::new(
        "C096",
        WARNING,
        "<email_alerts> differs from what it says",
        "A switch that counts as on when it is there, whatever its value; or the section does nothing because mail \
         is off.",
    ),
    Code::new(
        "C097",
        ERROR,
        "<syslog_output> is not complete or contradicts itself",
        "There is no <server>, or TLS is asked for with UDP.",
    ),
    Code::new(
        "C098",
        WARNING,
        "Report without recipients",
        "The report has no <email_to>; it would be made and sent to no one.",
    ),
    Code::new(
        "C099",
        ERROR,
        "Section lacks options that OSSEC requires",
        "The section is not complete. Add what the message names, or remove the section.",
    ),
    Code::new(
        "C100",
        ERROR_OR_NOTE,
        "internal_options.conf",
        "A line is not of the form NAME=NUMBER, a number is out of range, or the file cannot be read. As a note: \
         options that are not used here.",
    ),
    Code::new(
        "C104",
        ERROR,
        "Mail program with the syntax of a shell",
        "A program in place of a mail server is started directly, without a shell. Write the program and its \
         arguments, with quotes around those that hold blanks.",
    ),
    Code::new(
        "C105",
        WARNING,
        "Mail program may not take the recipients",
        "Programs like sendmail read recipients from the mail only with `-t`.",
    ),
    Code::new(
        "C106",
        WARNING,
        "Pattern matches everything",
        "A part between two `|` that is empty or only `^` fits every text. OSSEC takes it so as well; hardly anybody \
         means it.",
    ),
    Code::new("C107", WARNING, "<email_alerts> without criteria", "No alert is ever mailed because of this section."),
    Code::new(
        "C111",
        WARNING,
        "Kernel interface is no log",
        "Files such as /proc/kmsg are not read; the messages of the kernel are in the journal.",
    ),
    Code::new(
        "C116",
        ERROR,
        "Filter of the journal",
        "The filter lacks `field`, names no field of the journal, has a wrong ignore_if_missing or a pattern that \
         cannot be used. Without the filter more would be read than wanted, so that it is an error.",
    ),
    Code::new(
        "C117",
        WARNING,
        "Logins are not monitored",
        "No configured source holds the messages of logins (auth, authpriv), so attempts to guess passwords are not \
         seen.",
    ),
    Code::new(
        "C118",
        ERROR,
        "<trusted> does not say what to trust",
        "The identifier of a journal entry can be forged by every program. Name the unit, the user, the program or \
         the container as well.",
    ),
    Code::new(
        "C119",
        WARNING,
        "Option of the journal in another source",
        "It has an effect only with the log format journald.",
    ),
    Code::new(
        "C120",
        NOTE,
        "Response that restarts OSSEC",
        "The daemon reloads its configuration instead of running the script.",
    ),
    Code::new(
        "C125",
        WARNING,
        "Others can write what the daemon trusts",
        "A file or directory of the configuration can be changed by a user who is not root. Whoever does decides \
         what runs as root and who is blocked.",
    ),
    Code::new(
        "C126",
        WARNING,
        "Response program that others can write",
        "The daemon refuses to run a program as root that another user can change, or that lies in such a directory.",
    ),
    Code::new(
        "C135",
        WARNING,
        "Unknown user in <trusted>",
        "There is no account of this name now, so the entry confirms nothing.",
    ),
    Code::new(
        "C136",
        NOTE,
        "Lines of syslog can be forged",
        "Every local user can write to the socket of syslog as any program. The journal knows who sent a line: read \
         it instead of, or besides, the file.",
    ),
    Code::new(
        "C137",
        WARNING,
        "Journal read by two sections",
        "One of them reads all of it. Each entry is analysed once.",
    ),
    Code::new(
        "C138",
        WARNING,
        "Shipped rules are replaced by a copy",
        "The configuration loads an older copy of the ruleset than the one that is installed with the program.",
    ),
    Code::new("C139", WARNING, "Nothing is watched", "The configuration names no log and no directory."),
    Code::new("C140", WARNING, "Relative path of a log", "It is taken as relative to the install directory."),
    Code::new(
        "C141",
        ERROR,
        "Line of allow.list that cannot be used",
        "The file beside the configuration holds one address or network a line, each optionally with # and a comment; \
         hidsctl allow writes it.",
    ),
    Code::new(
        "C142",
        WARNING,
        "Others could change allow.list",
        "It decides whom nothing blocks, so it is not used until only root can write to it and to the directories above \
         it.",
    ),
];
