//! Why a path was refused: one variant per broken rule of [`super`].

/// A rule that the request's target broke. The client's fault, answered 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PathFault {
    /// The path does not begin with `/`.
    NotAbsolute,
    /// A control byte, a space or DEL.
    Control,
    /// A raw `#`: a fragment is never sent (RFC 9112 §3.2).
    Fragment,
    /// A `%` without two hex digits.
    BadEscape,
    /// `%00`
    Nul,
    /// `%2F` or `%5C`, and the listener refuses them.
    EscapedSlash,
    /// Some readers would see a dot segment, others would not.
    Ambiguous,
    /// The route's rewrite made a dot segment of this path.
    RewriteEscapes,
}

impl PathFault {
    /// All of them.
    pub const ALL: [PathFault; 8] = [
        PathFault::NotAbsolute,
        PathFault::Control,
        PathFault::Fragment,
        PathFault::BadEscape,
        PathFault::Nul,
        PathFault::EscapedSlash,
        PathFault::Ambiguous,
        PathFault::RewriteEscapes,
    ];

    /// For metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            PathFault::NotAbsolute => "path_not_absolute",
            PathFault::Control => "path_control_byte",
            PathFault::Fragment => "path_fragment",
            PathFault::BadEscape => "path_bad_escape",
            PathFault::Nul => "path_nul",
            PathFault::EscapedSlash => "path_escaped_slash",
            PathFault::Ambiguous => "path_ambiguous",
            PathFault::RewriteEscapes => "path_rewrite_escapes",
        }
    }
}
