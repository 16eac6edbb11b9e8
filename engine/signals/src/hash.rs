//! A fast hash for small keys of integers. Not for keys that a peer can choose: ours are indices of
//! the configuration, status codes and flags.

use std::hash::{BuildHasherDefault, Hasher};

/// For `HashMap`'s third parameter.
pub(crate) type BuildFold = BuildHasherDefault<Fold>;

/// Multiply and fold: each word is mixed by one 64×64→128-bit multiplication (as wyhash and
/// foldhash).
#[derive(Debug, Default, Clone)]
pub(crate) struct Fold(u64);

const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

impl Fold {
    fn mix(&mut self, word: u64) {
        let product =
            u128::from(self.0 ^ word ^ MULTIPLIER) * u128::from(MULTIPLIER.rotate_left(21));
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }
}

impl Hasher for Fold {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.mix(u64::from(value));
    }

    fn write_u16(&mut self, value: u16) {
        self.mix(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.mix(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.mix(value);
    }

    fn write_isize(&mut self, value: isize) {
        self.mix(value as u64);
    }
}
