//! Which form of an answer a client wants (RFC 9110, 12.5.1).

use super::problem::Problem;
use axum::http::{HeaderMap, StatusCode, header};

/// The forms of a list of readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Csv,
}

/// The form that the client likes best; JSON if it does not care.
pub(super) fn form(headers: &HeaderMap) -> Result<Form, Problem> {
    let ranges: Vec<&str> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|range| !range.is_empty())
        .collect();
    if ranges.is_empty() {
        return Ok(Form::Json);
    }
    let json = quality(&ranges, "application/json");
    let csv = quality(&ranges, "text/csv");
    match (json.max(csv) > 0.0, csv > json) {
        (true, false) => Ok(Form::Json),
        (true, true) => Ok(Form::Csv),
        (false, _) => Err(Problem::new(
            StatusCode::NOT_ACCEPTABLE,
            "not-acceptable",
            "readings come as application/json or text/csv",
        )),
    }
}

/// How much `ranges` like `media_type`: by the most specific range that covers it.
fn quality(ranges: &[&str], media_type: &str) -> f32 {
    let whole_type = media_type.split('/').next().unwrap_or("");
    let mut best = (0_u8, 0.0_f32);
    for range in ranges {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or("").to_ascii_lowercase();
        let specific = match name.strip_suffix("/*") {
            _ if name == media_type => 3,
            Some("*") => 1,
            Some(one) if one == whole_type => 2,
            _ => continue,
        };
        let quality =
            parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0));
        if specific > best.0 || (specific == best.0 && quality > best.1) {
            best = (specific, quality);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(accept: &str) -> Option<Form> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        form(&headers).ok()
    }

    #[test]
    fn the_client_gets_what_it_likes_best() {
        assert_eq!(form(&HeaderMap::new()).ok(), Some(Form::Json));
        assert_eq!(accepted("*/*"), Some(Form::Json));
        assert_eq!(accepted("text/csv"), Some(Form::Csv));
        assert_eq!(accepted("Text/CSV; header=present"), Some(Form::Csv));
        assert_eq!(accepted("text/*, application/json;q=0.5"), Some(Form::Csv));
        assert_eq!(accepted("text/csv;q=0.1, */*"), Some(Form::Json));
        assert_eq!(accepted("text/html, application/xhtml+xml, */*;q=0.8"), Some(Form::Json));
        assert_eq!(accepted("text/html"), None);
        assert_eq!(accepted("text/csv;q=0"), None);
    }
}
