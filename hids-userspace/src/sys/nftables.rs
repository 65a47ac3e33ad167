//! Set definitions with time-outs and set elements for nf_tables, over libnftnl.
//!
//! Owns the libnftnl objects; adds what the `nftnl` crate lacks (element time-outs, comments and
//! counters) as values that go into its `Batch`. Never talks to the kernel.

use std::ffi::{CStr, c_char, c_void};
use std::ptr::NonNull;
use std::time::Duration;

use nftnl::set::{Set, SetKey};
use nftnl::{MsgType, NlMsg, Table};
use nftnl_sys as raw;
use nftnl_sys::libc;

/// Whether elements of a set count the packets that matched them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementCounters {
    /// Each element has a counter (Linux 5.7 and later).
    PerElement,
    /// None; the rules count.
    Off,
}

/// A named set whose elements may have time-outs.
pub fn timeout_set<'a, K: SetKey>(name: &CStr, id: u32, table: &'a Table, counters: ElementCounters) -> Set<'a, K> {
    let set = Set::<K>::new_named(name, id, table, table.get_family());
    let object = set.as_ptr().as_ptr();
    // SAFETY: `object` is the live set that `set` owns; the attribute is a u32 in libnftnl.
    unsafe { raw::nftnl_set_set_u32(object, raw::NFTNL_SET_FLAGS as u16, libc::NFT_SET_TIMEOUT as u32) };
    if counters == ElementCounters::PerElement {
        let counter = new_counter();
        // SAFETY: both objects are live; the set takes ownership of the expression and frees it.
        unsafe { raw::nftnl_set_add_expr(object, counter.as_ptr()) };
    }
    set
}

/// How much an element has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

/// One element as it is written.
#[derive(Clone, Debug)]
pub struct ElementSpec<'a> {
    /// The key in network byte order.
    pub key: &'a [u8],
    /// The whole life time and what is left of it; `None` for ever.
    pub life: Option<ElementLife>,
    /// User data (type, length, value records).
    pub user_data: &'a [u8],
    /// What the counter starts with; `None` leaves it to the set.
    pub counted: Option<Counted>,
}

/// Times of an element, written in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElementLife {
    /// From start to end.
    pub timeout: Duration,
    /// What is left, at most `timeout`.
    pub remaining: Duration,
}

/// A message that adds or removes elements of one set.
///
/// The caller adds at most [`ElementMessage::MAX_ELEMENTS`]; more are not taken.
pub struct ElementMessage {
    set: NonNull<raw::nftnl_set>,
    family: u16,
    elements: usize,
}

impl ElementMessage {
    /// How many elements surely fit: a netlink attribute ends at 64 KiB and an element with the
    /// longest comment takes less than 320 bytes.
    pub const MAX_ELEMENTS: usize = 200;

    /// The longest user data of an element that [`ElementMessage::MAX_ELEMENTS`] counts with.
    pub const MAX_USER_DATA: usize = 132;

    /// An empty message about `set` in `table`.
    pub fn new(table: &Table, set: &CStr) -> Self {
        // SAFETY: allocates; the result is checked.
        let object = NonNull::new(unsafe { raw::nftnl_set_alloc() }).expect("libnftnl: out of memory (set)");
        // SAFETY: `object` is live; the attribute is a u32 in libnftnl.
        unsafe { raw::nftnl_set_set_u32(object.as_ptr(), raw::NFTNL_SET_FAMILY as u16, table.get_family() as u32) };
        for (attribute, text) in [(raw::NFTNL_SET_TABLE, table.get_name()), (raw::NFTNL_SET_NAME, set)] {
            // SAFETY: `object` is live and libnftnl copies the NUL-terminated text.
            let done = unsafe { raw::nftnl_set_set_str(object.as_ptr(), attribute as u16, text.as_ptr()) };
            assert!(done == 0, "libnftnl: out of memory (name)");
        }
        Self { set: object, family: table.get_family() as u16, elements: 0 }
    }

    /// How many elements it holds.
    pub fn len(&self) -> usize {
        self.elements
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.elements == 0
    }

    /// Takes an element; `false` when the message is full or the user data too long.
    #[must_use]
    pub fn push(&mut self, spec: &ElementSpec<'_>) -> bool {
        if self.elements == Self::MAX_ELEMENTS || spec.user_data.len() > Self::MAX_USER_DATA || spec.key.len() > 16 {
            return false;
        }
        // SAFETY: allocates; the result is checked.
        let element = NonNull::new(unsafe { raw::nftnl_set_elem_alloc() }).expect("libnftnl: out of memory (element)");
        put_bytes(element, raw::NFTNL_SET_ELEM_KEY, spec.key);
        if let Some(life) = spec.life {
            put_millis(element, raw::NFTNL_SET_ELEM_TIMEOUT, life.timeout);
            put_millis(element, raw::NFTNL_SET_ELEM_EXPIRATION, life.remaining.min(life.timeout));
        }
        if !spec.user_data.is_empty() {
            put_bytes(element, raw::NFTNL_SET_ELEM_USERDATA, spec.user_data);
        }
        if let Some(counted) = spec.counted {
            put_counter(element, counted);
        }
        // SAFETY: both objects are live; the set takes ownership of the element and frees it.
        unsafe { raw::nftnl_set_elem_add(self.set.as_ptr(), element.as_ptr()) };
        self.elements += 1;
        true
    }
}

fn put_bytes(element: NonNull<raw::nftnl_set_elem>, attribute: u32, bytes: &[u8]) {
    let (data, length) = (bytes.as_ptr().cast::<c_void>(), bytes.len() as u32);
    // SAFETY: `element` is live; libnftnl copies `length` bytes from `data`, which holds that many.
    let done = unsafe { raw::nftnl_set_elem_set(element.as_ptr(), attribute as u16, data, length) };
    assert!(done == 0, "libnftnl: out of memory (attribute)");
}

/// At least one millisecond: nought would mean "for ever".
fn put_millis(element: NonNull<raw::nftnl_set_elem>, attribute: u32, time: Duration) {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
    // SAFETY: `element` is live; the attribute is a u64 in libnftnl.
    unsafe { raw::nftnl_set_elem_set_u64(element.as_ptr(), attribute as u16, millis) };
}

fn put_counter(element: NonNull<raw::nftnl_set_elem>, counted: Counted) {
    let counter = new_counter();
    for (attribute, value) in
        [(raw::NFTNL_EXPR_CTR_PACKETS, counted.packets), (raw::NFTNL_EXPR_CTR_BYTES, counted.bytes)]
    {
        // SAFETY: `counter` is a live counter expression; both attributes are u64 in libnftnl.
        unsafe { raw::nftnl_expr_set_u64(counter.as_ptr(), attribute as u16, value) };
    }
    // SAFETY: both objects are live; the element takes ownership of the expression and frees it.
    unsafe { raw::nftnl_set_elem_add_expr(element.as_ptr(), counter.as_ptr()) };
}

fn new_counter() -> NonNull<raw::nftnl_expr> {
    // SAFETY: allocates from a NUL-terminated name; the result is checked.
    NonNull::new(unsafe { raw::nftnl_expr_alloc(c"counter".as_ptr()) }).expect("libnftnl knows the counter expression")
}

impl Drop for ElementMessage {
    fn drop(&mut self) {
        // SAFETY: `self.set` is live, owned by `self`, and not used after this.
        unsafe { raw::nftnl_set_free(self.set.as_ptr()) };
    }
}

// SAFETY: `write` writes one message of at most MAX_ELEMENTS elements of under 320 bytes each,
// less than the 64 KiB that every buffer given to it holds.
unsafe impl NlMsg for ElementMessage {
    unsafe fn write(&self, buffer: *mut c_void, sequence: u32, kind: MsgType) {
        // Adding without NLM_F_EXCL: an element that is there already is no error.
        let (kind, flags) = match kind {
            MsgType::Add => (libc::NFT_MSG_NEWSETELEM, libc::NLM_F_CREATE | libc::NLM_F_ACK),
            MsgType::Del => (libc::NFT_MSG_DELSETELEM, libc::NLM_F_ACK),
        };
        let buffer = buffer.cast::<c_char>();
        // SAFETY: the caller promises room for the largest message.
        let header = unsafe { raw::nftnl_nlmsg_build_hdr(buffer, kind as u16, self.family, flags as u16, sequence) };
        // SAFETY: `header` starts the message in that buffer, and the set is live.
        unsafe { raw::nftnl_set_elems_nlmsg_build_payload(header, self.set.as_ptr()) };
    }
}
