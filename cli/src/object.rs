//! JSON objects of a server, which may be anybody.

use crate::shown::shown;
use anyhow::{Result, anyhow};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapAccessDeserializer},
};
use std::{fmt, marker::PhantomData};

/// The JSON object that a body is.
///
/// # Errors
/// It is none, or another one; said in one line of bounded length, whatever the body quotes.
pub(crate) fn object<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    let wrong = |error: &dyn fmt::Display| anyhow!("{}", shown(&error.to_string()));
    // In members that nobody looks at any bytes would pass.
    let text = std::str::from_utf8(body).map_err(|error| wrong(&error))?;
    let Object(object) = serde_json::from_str(text).map_err(|error| wrong(&error))?;
    Ok(object)
}

/// A structure that is an object with names. Left to itself serde reads one from a list of as many values, too: `[1,0,0]` would
/// pass for a cloud's report.
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Named(PhantomData))
    }
}

struct Named<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Named<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Pair {
        one: u64,
        others: Vec<Object<Inner>>,
    }

    #[derive(Deserialize)]
    struct Inner {
        two: String,
    }

    #[test]
    fn only_an_object_is_an_object() {
        let Pair { one, others } = object(br#" {"one":1,"others":[{"two":"x"}],"three":[]}"#).unwrap();
        assert_eq!((one, others.first().unwrap().0.two.as_str()), (1, "x"));
        for other in [
            &br#"[1,[{"two":"x"}]]"#[..],
            br#"{"one":1,"others":[["x"]]}"#,
            br#"{"one":1,"others":[],"one":1}"#,
            br#"{"one":-1,"others":[]}"#,
            br#"{"one":1,"others":[]} x"#,
            b"{\"one\":1,\"others\":[],\"x\":\"\xff\"}",
            b"",
            b"null",
        ] {
            assert!(object::<Pair>(other).is_err(), "{}", other.escape_ascii());
        }
    }

    #[test]
    fn what_is_wrong_is_one_line_of_bounded_length() {
        let body = format!(r#"{{"one":"{}\u001b[2J","others":[]}}"#, "x".repeat(100_000));
        let error = format!("{:#}", object::<Pair>(body.as_bytes()).err().unwrap());
        assert!(error.chars().count() <= 303 && !error.contains(char::is_control), "{error}");
    }
}
