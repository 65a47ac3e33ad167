//! What the kernel's sets hold, as the `nft` program sees them.

use std::time::Duration;

use serde_json::Value;

use crate::Host;

/// An element of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// The address or prefix, as nft writes it.
    pub address: String,
    /// How long it was put in for.
    pub timeout: Option<Duration>,
    /// How long it still stays.
    pub expires: Option<Duration>,
    /// Its comment.
    pub comment: String,
}

/// The elements of a set in table `inet hids`; none if there is no such set.
pub fn elements(host: &Host, set: &str) -> Vec<Element> {
    let text = host.output("nft", ["--json", "list", "set", "inet", "hids", set]).unwrap_or_default();
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    let objects = value["nftables"].as_array().cloned().unwrap_or_default();
    let sets = objects.iter().filter_map(|object| object["set"]["elem"].as_array());
    sets.flatten().map(element).collect()
}

/// The element of an address, if it is in the set.
pub fn find(host: &Host, set: &str, address: &str) -> Option<Element> {
    elements(host, set).into_iter().find(|element| element.address == address)
}

/// An element is an object with everything, or only its value when it has nothing else.
fn element(value: &Value) -> Element {
    let object = &value["elem"];
    let seconds = |key: &str| object[key].as_u64().map(Duration::from_secs);
    let key = if object.is_null() { value } else { &object["val"] };
    Element {
        address: key.as_str().map_or_else(|| key.to_string(), str::to_owned),
        timeout: seconds("timeout"),
        expires: seconds("expires"),
        comment: object["comment"].as_str().unwrap_or_default().to_owned(),
    }
}
