//! The identity of a message.

use sha2::{Digest, Sha256};

/// The identity of a message: the first 128 bits of the SHA-256 of its bytes. Two copies of one message have one
/// key, and nobody can make another message with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key([u8; Key::LEN]);

impl Key {
    /// Bytes in a key.
    pub const LEN: usize = 16;

    /// The key of `parts`, one after the other.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut sha = Sha256::new();
        for part in parts {
            sha.update(part);
        }
        let digest: [u8; 32] = sha.finalize().into();
        let mut key = [0; Self::LEN];
        key.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Self(key)
    }

    /// The key as stored.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// The first 64 bits as an integer: enough to tell apart the messages that one box holds.
    #[must_use]
    pub fn as_i64(&self) -> i64 {
        self.0.iter().take(8).fold(0, |sum, byte| (sum << 8) | i64::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_start_of_the_messages_sha_256() {
        // FIPS 180-2, appendix B.1: SHA-256("abc") = ba7816bf 8f01cfea 414140de 5dae2223 ...
        let key = Key::of(&[b"a", b"bc"]);
        assert_eq!(key.as_bytes()[..4], [0xba, 0x78, 0x16, 0xbf]);
        assert_eq!(key.as_i64(), 0xba78_16bf_8f01_cfea_u64 as i64);
        assert_eq!(Key::of(&[b"abc"]), key);
        assert_ne!(Key::of(&[b"abd"]), key);
    }
}
