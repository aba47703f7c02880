//! What a gateway shows the cloud so as to be let in.

use std::fmt;

/// A token that the cloud made. It shows itself nowhere by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// This cannot be a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a token is one line of 1 to {} visible characters, as the cloud showed it when it was made",
    Token::MAX
)]
pub struct BadToken;

impl Token {
    /// The most characters of a token.
    pub const MAX: usize = 512;

    /// Reads a token; spaces and line breaks around it do not count.
    ///
    /// # Errors
    /// If no HTTP header can bear it, or it is too long.
    pub fn new(text: &str) -> Result<Self, BadToken> {
        let token = text.trim();
        let good =
            (1..=Self::MAX).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic());
        if good { Ok(Self(token.to_owned())) } else { Err(BadToken) }
    }

    /// The value of the header `Authorization`.
    #[must_use]
    pub fn authorization(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_line_and_does_not_show_itself() {
        let token = Token::new(" fp_0123\n").unwrap();
        assert_eq!(token.authorization(), "Bearer fp_0123");
        assert!(!format!("{token:?}").contains("0123"));
        for bad in ["", "\n", "a b", "a\nb", "a\0", "ü", &"x".repeat(513)] {
            assert_eq!(Token::new(bad), Err(BadToken), "{bad:?}");
        }
    }
}
