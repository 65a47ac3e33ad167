//! Codes about sections, values, mail, rules and file integrity in the configuration.

use super::entry::{Code, ERROR, ERROR_OR_WARNING, NOTE, WARNING, WARNING_OR_NOTE};

pub(super) const CONFIG: &[Code] = &[
    Code::new(
        "C001",
        ERROR,
        "The configuration cannot be read",
        "There is no ossec.conf in the usual places, or the file named with -c cannot be opened or is larger than \
         the limit. Without a configuration nothing starts; a running daemon keeps the one it has. `hidsctl setup` \
         writes a first one.",
    ),
    Code::new(
        "C002",
        ERROR,
        "Something stands outside of <ossec_config>, or <ossec_config> stands in itself",
        "All sections stand between <ossec_config> and </ossec_config>. A file may have several such blocks one \
         after the other, but none inside another. Mostly a closing tag is missing before the place that is shown.",
    ),
    Code::new(
        "C003",
        ERROR,
        "Unknown section",
        "A name directly below <ossec_config> is none of the sections that OSSEC or this program knows. Often it is \
         misspelt, or an option stands outside of its section.",
    ),
    Code::new(
        "C004",
        ERROR,
        "Unknown option, or a section inside another",
        "The section has no option of this name. A section that stands inside another one mostly means that the \
         closing tag before it is missing.",
    ),
    Code::new(
        "C005",
        ERROR,
        "Section without options",
        "OSSEC refuses to start with an empty section, and what was meant is not known. Remove it, or give it \
         options.",
    ),
    Code::new(
        "C006",
        WARNING,
        "Element inside an option",
        "The option has a plain value; elements inside it are not read. Mostly the closing tag of the option is \
         missing.",
    ),
    Code::new(
        "C007",
        ERROR_OR_WARNING,
        "Unknown attribute",
        "An attribute that the element does not have. It is not read; where OSSEC refuses the file because of it, it \
         is an error here too.",
    ),
    Code::new(
        "C010",
        ERROR,
        "Not yes or no",
        "The option is a switch. OSSEC takes exactly `yes` and `no`, in lower case.",
    ),
    Code::new(
        "C011",
        ERROR,
        "Not a number",
        "The option wants a whole number without sign, unit or blanks inside, a list of rule numbers, a size, or a \
         checksum in hexadecimal digits.",
    ),
    Code::new(
        "C012",
        ERROR,
        "Number out of range",
        "The value is a number, but larger or smaller than the option takes. The message names the limits.",
    ),
    Code::new("C013", ERROR, "Unknown word", "The option takes one of a few words, and this is none of them."),
    Code::new(
        "C014",
        ERROR,
        "Not a number of seconds",
        "The option wants seconds as a plain number. `2h` or `30m` is not understood, as in OSSEC; the help line has \
         the number where the text can be understood.",
    ),
    Code::new(
        "C015",
        ERROR_OR_WARNING,
        "Not an address or host name",
        "The option wants an IP address, a network in the form 192.0.2.0/24, or a host name without a port. As a \
         warning: the network has bits set behind its prefix, and the network that was meant is taken.",
    ),
    Code::new(
        "C016",
        ERROR,
        "Not a mail address",
        "The option wants one address of the form NAME@DOMAIN, without a display name.",
    ),
    Code::new(
        "C017",
        ERROR,
        "Not a time or weekday",
        "<scan_time> wants a time of day such as `21pm`, `8:30` or `12:30 am`, <scan_day> a weekday in English.",
    ),
    Code::new(
        "C018",
        ERROR,
        "Unusable path or value",
        "The path is not absolute, the file does not exist where it must, the wildcard pattern is wrong, or the \
         value has a line break or control character in it.",
    ),
    Code::new(
        "C019",
        ERROR_OR_WARNING,
        "Empty value",
        "The option is there but empty. Where that would silently mean `everything` or nothing useful it is an \
         error; otherwise the option counts as not given.",
    ),
    Code::new(
        "C020",
        WARNING,
        "Option given more than once",
        "The option can have one value. The last one counts, as in OSSEC (of the titles of a report the first).",
    ),
    Code::new(
        "C021",
        WARNING,
        "Not acted on yet",
        "The option is valid and its value is checked, but this version does nothing with it.",
    ),
    Code::new(
        "C022",
        WARNING,
        "Without effect",
        "The option is read for compatibility and has no effect in this program; the message says why.",
    ),
    Code::new(
        "C023",
        WARNING,
        "Blanks around a value are dropped",
        "OSSEC takes blanks around such a value as part of it, which hardly anybody means. Write the value without \
         them.",
    ),
    Code::new(
        "C024",
        ERROR,
        "Invalid pattern in the configuration",
        "The pattern cannot be compiled in the dialect that the option uses.",
    ),
    Code::new(
        "C030",
        ERROR_OR_WARNING,
        "Mail is on but not complete",
        "Sender, recipient, server or the login for the server is missing. Without a server localhost is used, which \
         is a warning.",
    ),
    Code::new(
        "C031",
        WARNING,
        "<memory_size> raised",
        "OSSEC takes no smaller number of events; the smallest one is used.",
    ),
    Code::new("C032", NOTE, "Dot at the end of a mail address dropped", "Mail servers do not accept it."),
    Code::new(
        "C033",
        WARNING,
        "Entry of the allow list that protects no address, or all",
        "A list in one element, a host name (its addresses are not looked up, it only protects events that name \
         their source so), or a network that holds every address.",
    ),
    Code::new(
        "C034",
        WARNING,
        "Option of mail before the switch",
        "OSSEC reads options in order and forgets what stands before <email_notification>. Here it counts; move the \
         switch up to have the same under OSSEC.",
    ),
    Code::new(
        "C035",
        WARNING,
        "Password may travel in clear text",
        "Without <secure_smtp>yes</secure_smtp> encryption is used only if the server offers it, which another party on \
         the way can prevent.",
    ),
    Code::new(
        "C036",
        NOTE,
        "No address is exempt from blocking",
        "A response blocks addresses and no <white_list> is given. The addresses of this host, its gateway and its \
         resolvers are always exempt; yours is not.",
    ),
    Code::new(
        "C037",
        WARNING,
        "All local users can read the password",
        "The configuration file with a mail password in it is readable for all users of this host.",
    ),
    Code::new(
        "C040",
        WARNING,
        "Several <rules> sections",
        "OSSEC starts its lists again with each section and loses what was named before. Here everything counts.",
    ),
    Code::new(
        "C041",
        ERROR,
        "File or folder of rules is missing",
        "A rule, decoder or list entry of <rules> names something that does not exist or cannot be listed. Detection \
         would be incomplete, so it is an error.",
    ),
    Code::new(
        "C042",
        ERROR,
        "No decoders",
        "Neither <decoder> nor <decoder_dir> is given and the usual decoder.xml does not exist.",
    ),
    Code::new(
        "C043",
        ERROR,
        "No rules",
        "Nothing in the configuration names rules, and no shipped ruleset is installed where it is looked for.",
    ),
    Code::new(
        "C044",
        WARNING,
        "Entry of <rules> adds nothing",
        "A file is named twice and loaded once, or no file of the folder has a fitting name.",
    ),
    Code::new(
        "C045",
        WARNING,
        "Lookup list without a usable path",
        "The list does not exist, so that nothing is found in it, or is named without a path, under which rules do \
         not find it in OSSEC.",
    ),
    Code::new(
        "C046",
        WARNING,
        "Level that no rule has",
        "Levels go up to 16; with a higher threshold nothing is recorded or mailed because of its level.",
    ),
    Code::new(
        "C047",
        ERROR,
        "File of decoders, rules or lists cannot be read",
        "The file exists but cannot be opened, is no regular file, or is larger than the limit. Correct the path in \
         <rules> or the permissions.",
    ),
    Code::new(
        "C050",
        ERROR,
        "<directories> does not say what to check",
        "OSSEC refuses the element without any check_... attribute. `check_all=\"yes\"` is the usual choice.",
    ),
    Code::new(
        "C051",
        WARNING,
        "Directory given twice",
        "The first entry with its attributes counts. OSSEC drops the rest of the list.",
    ),
    Code::new(
        "C052",
        WARNING,
        "Many paths in one <directories>",
        "OSSEC reads only the first ones of an element; here all count.",
    ),
    Code::new(
        "C053",
        WARNING,
        "Protection covers what programs must write",
        "With `protect` nearly no program can write below such a directory, not even the system's log daemon. \
         Protect directories of programs and of configuration.",
    ),
    Code::new(
        "C054",
        WARNING,
        "Executable of <protect_allow> does not exist",
        "The exemption has no effect until the file exists.",
    ),
    Code::new(
        "C055",
        WARNING_OR_NOTE,
        "Watched path is missing, or protection is not in force",
        "A path or wildcard of <directories> fits nothing now; it is looked for again with each scan. Or the kernel \
         of this host cannot enforce `protect`; the help line says what it lacks.",
    ),
    Code::new("C056", NOTE, "File integrity watches nothing", "There is a <syscheck> section without <directories>."),
    Code::new(
        "C057",
        WARNING,
        "No rules for changes of files",
        "File integrity is on, but rules that OSSEC has for its events are not loaded, so changes do not become \
         alerts.",
    ),
    Code::new(
        "C058",
        WARNING,
        "<ignore> that leaves nothing out",
        "No path begins with what the pattern asks for: paths are compared from their first slash. OSSEC takes such \
         a pattern in silence.",
    ),
];
