//! Codes about the form of OSSEC's XML files.

use super::entry::{Code, ERROR, ERROR_OR_WARNING, NOTE, WARNING};

pub(super) const XML: &[Code] = &[
    Code::new("X001", WARNING, "Bytes that are not UTF-8", "They are read as U+FFFD. Save the file as UTF-8."),
    Code::new(
        "X002",
        ERROR_OR_WARNING,
        "Comment or declaration is not closed",
        "The rest of the file is not read, or everything up to the end of the next comment. OSSEC ends comments with \
         `!>` as well as with `-->`.",
    ),
    Code::new(
        "X003",
        ERROR,
        "XML declaration at a wrong place",
        "It may only be the very first bytes of the file and ends with `?>`.",
    ),
    Code::new(
        "X004",
        ERROR,
        "Lone <",
        "It opens neither an element nor a comment. A literal one is written `\\<` in OSSEC's files.",
    ),
    Code::new("X005", ERROR, "Tag without >", "The tag is not closed before the next one begins."),
    Code::new("X006", ERROR, "Attribute value without closing quote", "The value has no end on its line."),
    Code::new(
        "X007",
        ERROR,
        "Attribute that cannot be read",
        "Attributes have the form NAME=\"VALUE\" with blanks between them, and none around the equals sign.",
    ),
    Code::new("X008", ERROR, "Attribute given twice", "An element has each attribute once."),
    Code::new("X009", ERROR, "Element is not closed", "The file, or the element around it, ends before it does."),
    Code::new(
        "X010",
        ERROR,
        "Closing tag that does not fit",
        "It closes an element that was not opened, or differs from the name of the one it should close.",
    ),
    Code::new("X011", WARNING, "Text outside an element", "It is ignored. Put remarks into a comment."),
    Code::new(
        "X012",
        ERROR,
        "Text or attribute is too long",
        "OSSEC stops with `String overflow` at such a length; no file that works under OSSEC has one.",
    ),
    Code::new(
        "X013",
        ERROR,
        "Elements nested too deep",
        "What lies deeper is not read. Mostly closing tags are missing.",
    ),
    Code::new(
        "X014",
        ERROR,
        "Not part of OSSEC's XML",
        "Something such as a CDATA section or a DOCTYPE, or bytes that no element can begin with.",
    ),
    Code::new(
        "X015",
        NOTE,
        "More problems of this kind",
        "Only the first ones of a file are shown. Perhaps it is not the right file.",
    ),
    Code::new("X020", ERROR, "<var> without a name", "A variable is defined as <var name=\"NAME\">text</var>."),
    Code::new(
        "X021",
        ERROR,
        "Unknown variable",
        "No <var> before this place defines it. A literal dollar sign before letters is taken as a variable.",
    ),
];
