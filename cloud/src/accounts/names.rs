//! What people and programs may be called, and what a password may be.

use super::password::{MAX_PASSWORD, MIN_PASSWORD};

/// Characters of a name.
pub(crate) const MAX_NAME: usize = 64;

/// Checks a name; says how to mend it.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let length = name.chars().count();
    if length == 0 || length > MAX_NAME {
        return Err(format!("a name has 1 to {MAX_NAME} characters; this one has {length}"));
    }
    if name.trim() != name {
        return Err("a name neither begins nor ends with a space".into());
    }
    if name.chars().any(is_invisible) {
        return Err("a name has no control characters, line breaks or marks that cannot be seen".into());
    }
    // A path segment of these is another path.
    if name == "." || name == ".." {
        return Err("a name is more than dots".into());
    }
    Ok(())
}

/// Checks a new password; says how to mend it.
pub(super) fn check_password(password: &str) -> Result<(), String> {
    if password.chars().count() < MIN_PASSWORD {
        return Err(format!("a password has at least {MIN_PASSWORD} characters; the longer the better"));
    }
    if password.len() > MAX_PASSWORD {
        return Err(format!("a password has at most {MAX_PASSWORD} bytes"));
    }
    Ok(())
}

/// Also those that turn the direction of writing round, and joiners: two names that look alike are not two names.
fn is_invisible(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_can_be_read_in_a_list() {
        for good in
            ["ann", "Ännchen von Tharau", "gateway north", "'; DROP TABLE users; --", "<b>x</b>", "..."]
        {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        let long = "x".repeat(65);
        for bad in ["", " ann", "ann ", "a\nb", "a\0", "a\u{202e}b", "a\u{200b}", ".", "..", &long] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn passwords_are_long_and_not_endless() {
        assert!(check_password("seven77").is_err());
        assert_eq!(check_password("eight888"), Ok(()));
        assert_eq!(check_password(&"x".repeat(1_024)), Ok(()));
        assert!(check_password(&"x".repeat(1_025)).is_err());
    }
}
