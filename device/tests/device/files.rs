//! Files that are not as they should be: a clear answer, and nothing is sent.

use std::path::PathBuf;

use crate::support::{Gateway, file, replay, run_to_end, settings};
use fieldpost_device::Source;

const ITHACA: &str = include_str!("../data/ithaca-2019-01-25.txt");

/// What the device says of `source`; it must have sent nothing.
async fn complaint(source: Source) -> String {
    let gateway = Gateway::bind().await;
    let (ended, out) = run_to_end(settings("192.168.1.2", gateway.address(), source)).await;
    let error = ended.expect_err("this file must be refused").to_string();
    assert!(gateway.heard_nothing_more() && out.is_empty(), "nothing is sent of a bad file");
    error
}

/// What the device says of the file at `path`, be it a survey or a station's.
async fn complaints(path: PathBuf) -> [String; 2] {
    [complaint(Source::Survey(path.clone())).await, complaint(replay(path)).await]
}

#[tokio::test]
async fn a_missing_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Surveys9.txt");
    for said in complaints(path.clone()).await {
        assert_eq!(said, format!("{}: there is no such file; check the path", path.display()));
    }
}

#[tokio::test]
async fn a_folder_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    for said in complaints(folder.path().to_owned()).await {
        assert!(said.contains("this is a folder"), "{said}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_text_is_named_with_the_line() {
    let folder = tempfile::tempdir().unwrap();
    for said in complaints(file(&folder, b"08:00 - 20 - 30%\n\xff\xfe\n")).await {
        assert!(said.contains("line 2 is not UTF-8"), "{said}");
    }
}

#[tokio::test]
async fn a_file_beyond_the_limit_is_not_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "");
    std::fs::File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
    for said in complaints(path).await {
        assert!(said.contains("the most that is read"), "{said}");
    }
}

#[tokio::test]
async fn a_bad_line_of_a_survey_is_named_with_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    for (line, told) in [
        ("24:00 - 20 - 30%", "`24:00`"),
        ("7:5 - 20 - 30%", "`7:5`"),
        ("08:00 - abc - 30%", "`abc`"),
        ("08:00 - 1e9 - 30%", "`1e9`"),
        ("08:00 - NaN - 30%", "`NaN`"),
        ("08:00 - 100.01 - 30%", "100.01"),
        ("08:00 - 20 - 101%", "101"),
        ("08:00 - 20 - -1%", "-1"),
        ("08:00 - 20 - 30", "no `%`"),
        ("08:00 - - - -%", "neither"),
    ] {
        let path = file(&folder, format!("08:00 - 20 - 30%\n{line}\n"));
        let said = complaint(Source::Survey(path.clone())).await;
        assert!(said.starts_with(&format!("{}: line 2: ", path.display())) && said.contains(told), "{said}");
    }
}

#[tokio::test]
async fn a_station_file_cut_in_the_middle_of_a_line_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for cut in [1, 5, 100, 243] {
        let path = file(&folder, &ITHACA[..ITHACA.len() - cut]);
        let said = complaint(replay(path.clone())).await;
        let place = format!("{}: line 52: the file ends within this line", path.display());
        assert!(said.starts_with(&place), "{said}");
    }
    let in_the_middle = format!("{}\n{}", &ITHACA[..100], &ITHACA[244..]);
    let said = complaint(replay(file(&folder, in_the_middle))).await;
    assert!(said.contains("line 1: ") && said.contains("fields where"), "{said}");
}

#[tokio::test]
async fn a_file_without_hours_is_no_station() {
    let folder = tempfile::tempdir().unwrap();
    for empty in ["", "\n\n", "device,time,temperature_c,moisture_pct\n"] {
        let said = complaint(replay(file(&folder, empty))).await;
        assert!(said.contains("no hours in it"), "{said}");
    }
    let said = complaint(replay(file(&folder, "08:00 - 20 - 30%\n"))).await;
    assert!(said.contains("line 1: "), "{said}");
}
