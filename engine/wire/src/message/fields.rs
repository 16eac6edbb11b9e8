//! The fields of one message: one run of bytes and an index into it.
//!
//! For a message that was decoded the bytes are the head as it came, so that classifying a field
//! costs an index entry and no copy. Used by every protocol's decoder and by the relay.

use std::fmt;
use std::ops::Range;

use super::Known;
use crate::bytes;
use crate::h1::Fault;

/// Memory that [`Fields::clear`] leaves in place, in bytes: enough for the heads of common traffic,
/// too little for one giant head to be paid for ever after.
const BYTES_KEPT_MAX: usize = 16 * 1024;

/// As [`BYTES_KEPT_MAX`], in entries of the index.
const ENTRIES_KEPT_MAX: usize = 128;

/// The fields of a head or of a trailer section, in order and in the letter case they came in.
#[derive(Clone, Default)]
pub struct Fields {
    bytes: Vec<u8>,
    index: Vec<Field>,
}

/// One field, as [`Fields::iter`] shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldRef<'a> {
    /// A token, in the letter case it came in.
    pub name: &'a [u8],
    /// Without the white space around it; may hold bytes above 0x7f, never a control byte but tab.
    pub value: &'a [u8],
    /// Which of the names that the proxy acts upon.
    pub known: Known,
    /// Meant for this hop only, so not forwarded: by its name, or as `Connection` lists it (RFC
    /// 9110 §7.6.1). `TE` is not, if it says `trailers`, which then is all that its value shows;
    /// nor is `Expect`, if it means something; nor `Content-Length`.
    pub hop_by_hop: bool,
}

/// An entry of the index.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: Span,
    pub(crate) value: Span,
    pub(crate) known: Known,
    pub(crate) hop_by_hop: bool,
}

/// A stretch of a message's bytes. 32 bits suffice: no head limit comes near 4 GiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    start: u32,
    len: u32,
}

impl Fields {
    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = FieldRef<'_>> + Clone {
        self.index.iter().map(|field| FieldRef {
            name: self.slice(field.name),
            value: self.slice(field.value),
            known: field.known,
            hop_by_hop: field.hop_by_hop,
        })
    }

    /// The value of the first field that is `known`.
    pub fn first(&self, known: Known) -> Option<&[u8]> {
        let field = self.index.iter().find(|field| field.known == known)?;
        Some(self.slice(field.value))
    }

    /// The values of all fields of this name, whatever their letter case, in order.
    pub fn all<'a>(&'a self, lower_case_name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.index
            .iter()
            .filter(|field| field.name.len() == lower_case_name.len())
            .filter(|field| self.slice(field.name).eq_ignore_ascii_case(lower_case_name.as_bytes()))
            .map(|field| self.slice(field.value))
    }

    /// Appends a field. White space around the value is dropped.
    ///
    /// # Errors
    /// [`Fault::InvalidFieldName`] where the name is no token, [`Fault::InvalidFieldValue`] where
    /// the value holds a control byte: nothing that is stored here can split a message.
    pub fn push(&mut self, name: &[u8], value: &[u8]) -> Result<(), Fault> {
        if !bytes::is_token(name) {
            return Err(Fault::InvalidFieldName);
        }
        if !bytes::is_field_value(value) {
            return Err(Fault::InvalidFieldValue);
        }
        let known = Known::of(name);
        let name = self.store(name);
        let value = self.store(bytes::trim(value));
        self.index.push(Field { name, value, known, hop_by_hop: known.is_hop_by_hop() });
        Ok(())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Forgets all of them; the memory is kept, up to 16 KiB of it.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.index.clear();
        if self.bytes.capacity() > BYTES_KEPT_MAX {
            self.bytes.shrink_to(BYTES_KEPT_MAX);
        }
        if self.index.capacity() > ENTRIES_KEPT_MAX {
            self.index.shrink_to(ENTRIES_KEPT_MAX);
        }
    }

    /// The memory held, in bytes, whether in use or not.
    pub fn memory_bytes(&self) -> usize {
        self.bytes.capacity() + self.index.capacity() * size_of::<Field>()
    }

    pub(crate) fn slice(&self, span: Span) -> &[u8] {
        span.of(&self.bytes)
    }

    pub(crate) fn store(&mut self, text: &[u8]) -> Span {
        let span = Span::new(self.bytes.len(), text.len());
        self.bytes.extend_from_slice(text);
        span
    }

    /// The bytes, and the index to be filled from them: apart, so that one can be read while the
    /// other is written.
    pub(crate) fn parts(&mut self) -> (&mut Vec<u8>, &mut Vec<Field>) {
        (&mut self.bytes, &mut self.index)
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
        f.debug_map()
            .entries(self.iter().map(|field| (text(field.name), text(field.value))))
            .finish()
    }
}

impl Span {
    pub(crate) const EMPTY: Span = Span { start: 0, len: 0 };

    pub(crate) fn new(start: usize, len: usize) -> Span {
        debug_assert!(start + len <= u32::MAX as usize, "heads are far smaller than 4 GiB");
        Span { start: start as u32, len: len as u32 }
    }

    pub(crate) fn len(self) -> usize {
        self.len as usize
    }

    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..self.start as usize + self.len()
    }

    /// The bytes it stands for.
    pub(crate) fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.range()]
    }

    /// The stretch `inner` of this one.
    pub(crate) fn narrowed(self, inner: Span) -> Span {
        debug_assert!(inner.start + inner.len <= self.len, "inside");
        Span { start: self.start + inner.start, len: inner.len }
    }

    /// Where `part`, a sub-slice of `whole`, stands in it.
    pub(crate) fn within(whole: &[u8], part: &[u8]) -> Span {
        let start = part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr());
        debug_assert!(start + part.len() <= whole.len(), "a part of another slice");
        Span::new(start, part.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_letter_case_are_kept() {
        let mut fields = Fields::default();
        fields.push(b"X-b", b" 1\t").unwrap();
        fields.push(b"x-A", b"2").unwrap();
        fields.push(b"X-B", b"").unwrap();
        let seen: Vec<_> = fields.iter().map(|f| (f.name, f.value)).collect();
        assert_eq!(seen, [(&b"X-b"[..], &b"1"[..]), (b"x-A", b"2"), (b"X-B", b"")]);
        let values: Vec<_> = fields.all("x-b").collect();
        assert_eq!(values, [&b"1"[..], b""]);
    }

    #[test]
    fn nothing_that_would_split_a_message_can_be_pushed() {
        let mut fields = Fields::default();
        for name in [&b""[..], b"a b", b"a:b", b"a\r\nb", b"a\0"] {
            assert_eq!(fields.push(name, b"v"), Err(Fault::InvalidFieldName), "{name:?}");
        }
        for value in [&b"a\r\nb: c"[..], b"a\nb", b"a\rb", b"a\0b", b"\x7f"] {
            assert_eq!(fields.push(b"n", value), Err(Fault::InvalidFieldValue), "{value:?}");
        }
        assert!(fields.is_empty());
    }

    #[test]
    fn clear_keeps_common_memory_and_gives_back_a_giants() {
        let mut fields = Fields::default();
        fields.push(b"a", &[b'x'; 1000]).unwrap();
        let small = fields.memory_bytes();
        fields.clear();
        assert_eq!(fields.memory_bytes(), small);
        fields.push(b"a", &[b'x'; 60_000]).unwrap();
        fields.clear();
        assert!(fields.memory_bytes() < 24 * 1024, "{}", fields.memory_bytes());
    }
}
