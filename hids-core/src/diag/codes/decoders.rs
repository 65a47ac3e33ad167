//! Codes about decoders.

use super::entry::{Code, ERROR, ERROR_OR_WARNING, NOTE, WARNING};

pub(super) const DECODERS: &[Code] = &[
    Code::new(
        "D001",
        ERROR,
        "Element that is no decoder",
        "Only <decoder> and <var> stand at the top of a decoder file.",
    ),
    Code::new("D002", ERROR, "<decoder> wants exactly its name", "The only attribute is name=\"NAME\"."),
    Code::new(
        "D003",
        ERROR,
        "Unknown element of a decoder",
        "It is none of the elements that OSSEC or Wazuh's compatible subset has.",
    ),
    Code::new(
        "D004",
        ERROR_OR_WARNING,
        "Unknown attribute in a decoder",
        "The element has no such attribute. In the strict mode it is read as OSSEC reads it.",
    ),
    Code::new(
        "D005",
        ERROR,
        "Several offsets for one condition",
        "Several elements of a name are joined to one pattern, and only the first may have an offset.",
    ),
    Code::new("D006", ERROR, "Joined pattern too long", "The elements of one name together are longer than the limit."),
    Code::new("D007", ERROR, "Unknown offset", "Offsets are after_parent, after_prematch and after_regex."),
    Code::new(
        "D008",
        ERROR,
        "Field name is missing",
        "<order> has two commas with nothing between them, or one at an end.",
    ),
    Code::new(
        "D009",
        ERROR,
        "Unknown plug-in decoder",
        "Five plug-ins exist: PF_Decoder, SymantecWS_Decoder, SonicWall_Decoder, OSSECAlert_Decoder and JSON_Decoder.",
    ),
    Code::new("D010", ERROR, "<fts> without a known field", "None of its words is a field that can be remembered."),
    Code::new("D011", ERROR, "Unknown type of a decoder", "The type decides which rules of a category see its events."),
    Code::new(
        "D012",
        WARNING,
        "Pattern that is not used",
        "The plain form and the _pcre2 form of one condition are both there; the plain one is used, as in OSSEC.",
    ),
    Code::new(
        "D013",
        ERROR,
        "Decoder without a condition",
        "It would take every line. It needs a prematch, a parent or a program_name.",
    ),
    Code::new(
        "D014",
        ERROR,
        "<regex>, <order> and <fts> belong together",
        "A regex without an order extracts nothing, and the other way round; fts needs a regex.",
    ),
    Code::new("D015", ERROR, "Plug-in decoder with a regex", "A plug-in extracts fields by itself."),
    Code::new(
        "D016",
        ERROR,
        "Offset without what it starts after",
        "after_parent needs a parent, after_prematch a prematch.",
    ),
    Code::new("D020", ERROR, "Too many decoders", "A child counts once for each of its parents."),
    Code::new(
        "D021",
        ERROR,
        "Unknown parent decoder",
        "No decoder before this one has the name, or it is a child itself: there are only two levels.",
    ),
    Code::new(
        "D022",
        ERROR,
        "Regex without a group",
        "It can extract nothing. Put ( ) around each part that <order> names.",
    ),
    Code::new(
        "D023",
        ERROR,
        "after_regex without a decoder before it",
        "It continues where the regex of an earlier decoder of the same name and parent ended.",
    ),
    Code::new(
        "D024",
        ERROR,
        "Continuation with prematch or fts",
        "Further decoders of one name belong to a group whose first one alone decides.",
    ),
    Code::new("D025", ERROR, "Group of decoders with mixed dialects", "All of a group use regex, or all use pcre2."),
    Code::new("D026", WARNING, "<use_own_name> is not true", "Only the word true has an effect, as in OSSEC."),
    Code::new("D027", WARNING, "Element of a decoder given twice", "The last one counts, as in OSSEC."),
    Code::new(
        "D028",
        WARNING,
        "Decoders of one name are apart",
        "Another decoder stands between them. They form a group all the same; OSSEC takes the one between for a part \
         of it.",
    ),
    Code::new(
        "D029",
        ERROR,
        "JSON element without a JSON decoder",
        "<field>, <map> and the attribute field of <pcre2> look at the values of a JSON object, which the parent reads: \
         it has <plugin_decoder>JSON_Decoder</plugin_decoder>.",
    ),
    Code::new(
        "D030",
        ERROR,
        "JSON element without the name of a value",
        "<field> names it in the attribute name, <map> in the attribute field, as a path: request.uri.",
    ),
    Code::new(
        "D031",
        ERROR,
        "<map> without a target",
        "Its text is the one field that the value becomes: srcip, url, or a name of your own.",
    ),
    Code::new(
        "D032",
        WARNING,
        "<map> to a name that is almost a field",
        "The value becomes a field of its own, which no <srcip>, <url> or same_source_ip looks at.",
    ),
    Code::new(
        "D033",
        ERROR,
        "Pattern on a JSON value with an offset or on two values",
        "A pattern looks at one value, from its start. For a second value write a second decoder of the same name \
         directly behind the first one.",
    ),
    Code::new(
        "D035",
        WARNING,
        "Decoder that can be made to name another address",
        "Its pattern does not pin down the place of the address, so a client that chooses a word of the line can \
         have another address taken, and blocked. A line that can be read in two ways gives no address.",
    ),
    Code::new(
        "D036",
        NOTE,
        "Hardened decoders are in use",
        "Addresses of these decoders of OSSEC are read by decoders of this program that pin them down. Everything \
         else of them is unchanged.",
    ),
    Code::new(
        "D037",
        WARNING,
        "Hardened decoders are switched off",
        "With <hardened_decoders>no</hardened_decoders> anybody can have any address blocked through some of OSSEC's \
         decoders.",
    ),
    Code::new(
        "D050",
        ERROR,
        "Too many fields in <order>",
        "The limit is analysisd.decoder_order_size in local_internal_options.conf.",
    ),
];
