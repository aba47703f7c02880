//! What `fieldpost device` prints, as far as the lab goes by it.

/// The marks of a line about a survey that was acknowledged: of a replay's day, and of a single survey.
const ACKNOWLEDGED: [&str; 2] = [": Surveys arrived after ", "reply: Surveys arrived (after "];

/// The lines that say that a survey was acknowledged. One that a kill has cut short says nothing.
pub(super) fn acknowledged(output: &str) -> impl Iterator<Item = &str> {
    let whole = output.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    whole.filter(|line| ACKNOWLEDGED.iter().any(|mark| line.contains(mark)))
}

/// How many datagrams went out for a survey, in the words of its line.
pub(super) fn attempts(line: &str) -> u64 {
    let before = line.split(" sent").next().unwrap_or_default();
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: &str = "2019-01-01 of 192.168.1.2: 23 readings, 1 missing, 1055 bytes, 3 sent: Surveys arrived after 2.1 ms\n";
    const SURVEY: &str = "192.168.1.2: 119 bytes, 4 measurements, to 192.168.1.1:10005\n\
                          reply: Surveys arrived (after 2.1 ms, 4 sent, buffer 4096 bytes)\n";

    #[test]
    fn a_survey_counts_once_its_whole_line_is_there() {
        assert_eq!(acknowledged(DAY).count(), 1);
        assert_eq!(acknowledged(SURVEY).count(), 1);
        assert_eq!(acknowledged(DAY.trim_end()).count(), 0);
        let refused =
            "reply: Surveys refused: disk full; try again later (after 2.1 ms, 1 sent, buffer 4096 bytes)\n";
        assert_eq!(acknowledged(refused).count(), 0);
    }

    #[test]
    fn copies_are_counted() {
        assert_eq!(acknowledged(DAY).chain(acknowledged(SURVEY)).map(attempts).collect::<Vec<_>>(), [3, 4]);
    }
}
