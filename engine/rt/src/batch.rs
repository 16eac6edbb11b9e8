//! What one send hands to the kernel: a few buffers in order, owned until the kernel has taken the
//! last byte.

use crate::{Chunk, HeadBuf};

/// Pieces that a batch holds without copying: a head, a chunk's head, a chunk, its end.
const PIECES_MAX: usize = 4;

/// One buffer of a batch.
#[derive(Debug)]
pub enum Piece {
    /// Bytes written by us.
    Head(HeadBuf),
    /// Bytes relayed as they were received.
    Chunk(Chunk),
    /// Bytes of the program.
    Static(&'static [u8]),
}

impl Piece {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Head(bytes) => bytes,
            Self::Chunk(bytes) => bytes,
            Self::Static(bytes) => bytes,
        }
    }
}

impl From<HeadBuf> for Piece {
    fn from(bytes: HeadBuf) -> Self {
        Self::Head(bytes)
    }
}

impl From<Chunk> for Piece {
    fn from(bytes: Chunk) -> Self {
        Self::Chunk(bytes)
    }
}

impl From<&'static [u8]> for Piece {
    fn from(bytes: &'static [u8]) -> Self {
        Self::Static(bytes)
    }
}

/// Buffers to be sent together, in order. Four are held in place; further ones are copied behind
/// the last.
#[derive(Debug, Default)]
pub struct Batch {
    pieces: [Option<Piece>; PIECES_MAX],
    count: u8,
}

impl Batch {
    /// A batch of nothing; sending it does nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// This batch with `piece` at its end.
    #[must_use]
    pub fn push(mut self, piece: impl Into<Piece>) -> Self {
        self.add(piece);
        self
    }

    /// Appends a piece; an empty one is dropped at once.
    pub fn add(&mut self, piece: impl Into<Piece>) {
        let piece = piece.into();
        if piece.bytes().is_empty() {
            return;
        }
        if (self.count as usize) < PIECES_MAX {
            self.pieces[self.count as usize] = Some(piece);
            self.count += 1;
            return;
        }
        let last = self.pieces[PIECES_MAX - 1].take().expect("count says that it is there");
        let mut joined = match last {
            Piece::Head(bytes) => bytes,
            other => {
                let mut bytes = HeadBuf::take();
                bytes.extend_from_slice(other.bytes());
                bytes
            }
        };
        joined.extend_from_slice(piece.bytes());
        self.pieces[PIECES_MAX - 1] = Some(Piece::Head(joined));
    }

    /// How many bytes there are to send.
    pub fn len(&self) -> usize {
        self.pieces.iter().flatten().map(|piece| piece.bytes().len()).sum()
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The bytes after the first `skip` as an I/O vector, and its length. The pointers hold while
    /// the batch lives, wherever it moves.
    pub(crate) fn iovecs(&self, skip: usize) -> ([libc::iovec; PIECES_MAX], usize) {
        let mut out = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; PIECES_MAX];
        let (mut skip, mut n) = (skip, 0);
        for piece in self.pieces.iter().flatten() {
            let bytes = piece.bytes();
            let Some(rest) = bytes.get(skip..).filter(|rest| !rest.is_empty()) else {
                skip -= bytes.len();
                continue;
            };
            skip = 0;
            out[n] = libc::iovec { iov_base: rest.as_ptr().cast_mut().cast(), iov_len: rest.len() };
            n += 1;
        }
        (out, n)
    }
}

impl<P: Into<Piece>> From<P> for Batch {
    fn from(piece: P) -> Self {
        Self::new().push(piece)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn joined(batch: &Batch, skip: usize) -> Vec<u8> {
        let (vectors, count) = batch.iovecs(skip);
        let vectors = vectors[..count].iter();
        // SAFETY: the vectors point into the batch, which lives.
        let parts = vectors
            .map(|v| unsafe { std::slice::from_raw_parts(v.iov_base.cast::<u8>(), v.iov_len) });
        assert!(parts.clone().all(|part| !part.is_empty()));
        parts.flatten().copied().collect()
    }

    proptest! {
        /// However many pieces, and however much of them was sent before.
        #[test]
        fn nothing_is_lost_swapped_or_doubled(
            pieces in vec((0..3u8, vec(any::<u8>(), 0..9)), 0..9)
        ) {
            let mut batch = Batch::new();
            for (kind, bytes) in &pieces {
                match kind {
                    0 => batch.add(Chunk::copy_of(bytes)),
                    1 => batch.add(b"static".as_slice()),
                    _ => {
                        let mut head = HeadBuf::take();
                        head.extend_from_slice(bytes);
                        batch.add(head);
                    }
                }
            }
            let all: Vec<u8> = pieces
                .iter()
                .flat_map(|(kind, bytes)| if *kind == 1 { b"static" } else { &bytes[..] })
                .copied()
                .collect();
            prop_assert_eq!(batch.len(), all.len());
            prop_assert_eq!(batch.is_empty(), all.is_empty());
            for skip in 0..=all.len() {
                prop_assert_eq!(joined(&batch, skip), &all[skip..]);
            }
        }
    }
}
