//! Text from elsewhere, as a terminal may have it.

/// The longest that is shown, in characters.
const MAX: usize = 300;
/// Stands for what is not shown.
const HIDDEN: char = '\u{fffd}';

/// `text` on one line of bounded length, without anything that could steer a terminal or turn its line around.
pub(crate) fn shown(text: &str) -> String {
    // A character more than fits tells that it is cut.
    let mut chars = text.trim().chars();
    let start: String =
        chars.by_ref().take(MAX).map(|char| if steers(char) { HIDDEN } else { char }).collect();
    if chars.next().is_some() { start + "..." } else { start }
}

/// Control characters of both kinds, ends of lines of others, and marks that change the direction of text.
fn steers(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_elsewhere_cannot_steer_the_terminal() {
        assert_eq!(shown("no such device"), "no such device");
        assert_eq!(
            shown(" \u{1b}[2J\u{7}a\nb\u{9b}c\u{202e}d\n"),
            "\u{fffd}[2J\u{fffd}a\u{fffd}b\u{fffd}c\u{fffd}d"
        );
        assert_eq!(shown("19 °C, 30 %, ü"), "19 °C, 30 %, ü");
    }

    #[test]
    fn it_is_cut_and_says_so() {
        assert_eq!(shown(&"é".repeat(300)), "é".repeat(300));
        assert_eq!(shown(&"é".repeat(1_000_000)), "é".repeat(300) + "...");
    }
}
