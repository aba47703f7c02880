//! What a sender of text is told, apart from the socket that it is told on.

use crate::{SubmitError, store::Stored};
use fieldpost_core::reply;

/// The whole answer to a text upload of which this became.
#[must_use]
pub fn text_answer(result: &Result<Stored, SubmitError>) -> String {
    match result {
        Ok(_) => reply::RECEIVED.to_owned(),
        Err(SubmitError::Refused(refusal)) if refusal.reason().is_final() => {
            reply::refused(&refusal.to_string())
        }
        // It was cut on its way: a gateway that took this for the last word would drop its surveys.
        Err(SubmitError::Refused(refusal)) => reply::try_again(&refusal.to_string()),
        Err(_) => reply::ERROR.to_owned(),
    }
}
