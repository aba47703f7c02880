//! `fieldpost verify` as an operator runs it, beside a gateway and a cloud that run; and what it says when somebody has taken a
//! reading away by hand.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "this file is a test")]

mod asking;
mod conflicts;
mod damaged;
mod fleet;
mod held;
mod kept;
mod support;
