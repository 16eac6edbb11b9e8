//! The byte classes of RFC 9110 §5.5, §5.6. Used by the decoders' slow paths and by whoever makes
//! fields of its own; the fast path is httparse's.

/// One bit per class, for all 256 bytes.
const CLASSES: [u8; 256] = classes();

const TOKEN: u8 = 1;
const FIELD_VALUE: u8 = 2;
const HOST: u8 = 4;

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        if b.is_ascii_alphanumeric() || is_one_of(b, b"!#$%&'*+-.^_`|~") {
            table[byte] |= TOKEN;
        }
        if b == b'\t' || (b >= b' ' && b != 0x7f) {
            table[byte] |= FIELD_VALUE;
        }
        if b.is_ascii_alphanumeric() || is_one_of(b, b"-._~") {
            table[byte] |= HOST;
        }
        byte += 1;
    }
    table
}

const fn is_one_of(byte: u8, set: &[u8]) -> bool {
    let mut at = 0;
    while at < set.len() {
        if set[at] == byte {
            return true;
        }
        at += 1;
    }
    false
}

/// `tchar`, RFC 9110 §5.6.2.
pub(crate) const fn is_token_byte(byte: u8) -> bool {
    CLASSES[byte as usize] & TOKEN != 0
}

/// `token`: at least one `tchar` and nothing else.
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&b| is_token_byte(b))
}

/// What may stand in a field value: visible bytes, space, tab and obs-text; no control byte.
pub(crate) fn is_field_value(bytes: &[u8]) -> bool {
    bytes.iter().all(|&b| CLASSES[b as usize] & FIELD_VALUE != 0)
}

/// `unreserved` of RFC 3986, which is all that this proxy takes in a host name.
pub(crate) const fn is_host_byte(byte: u8) -> bool {
    CLASSES[byte as usize] & HOST != 0
}

/// Whether `text`, which holds no control byte, is `lower` but for letter case; `lower` consists of
/// lower-case letters, digits and `-`. Eight bytes at a time, as every field name goes through
/// here.
pub(crate) fn is_word(text: &[u8], lower: &str) -> bool {
    const CASE: u64 = u64::from_ne_bytes([0x20; 8]);
    let lower = lower.as_bytes();
    if text.len() != lower.len() {
        return false;
    }
    let (text_words, text_rest) = text.as_chunks::<8>();
    let (lower_words, lower_rest) = lower.as_chunks::<8>();
    let words = text_words.iter().zip(lower_words);
    let rest = text_rest.iter().zip(lower_rest);
    words.fold(0, |differs, (&a, &b)| {
        differs | ((u64::from_ne_bytes(a) | CASE) ^ u64::from_ne_bytes(b))
    }) == 0
        && rest.fold(0, |differs, (a, b)| differs | ((a | 0x20) ^ b)) == 0
}

/// Whether some LF has no CR before it.
pub(crate) fn has_bare_lf(bytes: &[u8]) -> bool {
    let begins_with_one = bytes.first() == Some(&b'\n');
    let pairs = bytes.iter().zip(bytes.iter().skip(1));
    // No early exit: so the compiler compares many bytes at once.
    pairs.fold(begins_with_one, |found, (&before, &b)| found | (b == b'\n') & (before != b'\r'))
}

/// Without the spaces and tabs around it (OWS, RFC 9110 §5.6.3).
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// The elements of a comma-separated list, trimmed; empty ones are left out (RFC 9110 §5.6.1.2).
pub(crate) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&b| b == b',').map(trim).filter(|element| !element.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_no_space_colon_control_or_high_byte() {
        assert!(is_token(b"X-Custom_1!"));
        for bad in [&b""[..], b"a b", b"a:", b"a\0", b"a\x7f", b"a\x80", b"a\r", b"(a)"] {
            assert!(!is_token(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_field_value_has_no_control_byte_but_tab() {
        assert!(is_field_value(b"a\tb \x80\xff"));
        for bad in 0..0x20u8 {
            assert_eq!(is_field_value(&[bad]), bad == b'\t', "{bad}");
        }
        assert!(!is_field_value(b"\x7f"));
    }

    #[test]
    fn a_word_is_the_same_in_any_letter_case_and_in_no_other_letters() {
        for lower in ["te", "upgrade", "trailers", "x-request-id", "proxy-connection-and-more"] {
            assert!(is_word(lower.as_bytes(), lower));
            assert!(is_word(lower.to_ascii_uppercase().as_bytes(), lower));
            for place in 0..lower.len() {
                for other in
                    (b' '..0x7f).filter(|o| !o.eq_ignore_ascii_case(&lower.as_bytes()[place]))
                {
                    let mut text = lower.as_bytes().to_vec();
                    text[place] = other;
                    assert!(!is_word(&text, lower), "{}", text.escape_ascii());
                }
            }
            assert!(!is_word(&lower.as_bytes()[1..], lower));
        }
    }

    #[test]
    fn a_bare_lf_is_found_wherever_it_stands() {
        assert!(!has_bare_lf(b"") && !has_bare_lf(b"a") && !has_bare_lf(b"a\r\nb\rc\r\n\r\n"));
        for place in 0..50 {
            let mut bytes = [b'a'; 50];
            bytes[place] = b'\n';
            assert!(has_bare_lf(&bytes), "at {place}");
        }
    }

    #[test]
    fn a_list_drops_empty_elements_and_the_white_space_around() {
        let elements: Vec<_> = list(b" , close\t,,keep-alive ,").collect();
        assert_eq!(elements, [&b"close"[..], b"keep-alive"]);
    }
}
