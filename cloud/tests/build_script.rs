//! What `build.rs` embeds where there is no Node, or nobody wants the dashboard. It is run by cargo before there are tests, so its
//! decisions are tried here.
#![allow(clippy::print_stdout, reason = "this file is a test")]

#[path = "../build.rs"]
#[allow(dead_code, reason = "what runs programs is not tried here")]
mod script;

use script::{files_for, table};
use std::{fs, path::PathBuf};

/// What is embedded, with `said` for the answer of a build that was tried.
fn embedded(switch: &str, said: Result<PathBuf, &str>) -> Result<(Vec<String>, String), String> {
    let out = tempfile::tempdir().unwrap();
    let files =
        files_for(switch, out.path(), || said.map_err(Into::into)).map_err(|error| error.to_string())?;
    let index = files.iter().find(|(name, _)| name == "/index.html").map(|(_, path)| path);
    let text = index.map(|path| fs::read_to_string(path).unwrap()).unwrap_or_default();
    assert!(table(&files).unwrap().contains("path: \"/index.html\""), "the page is not in the table");
    Ok((files.into_iter().map(|(name, _)| name).collect(), text))
}

#[test]
fn without_node_or_switched_off_one_page_says_why_and_how_to_get_the_dashboard() {
    for (switch, said, why) in [
        ("off", Ok(PathBuf::from("/nowhere")), "FIELDPOST_DASHBOARD=off"),
        ("", Err("node cannot be <started>"), "node cannot be &lt;started&gt;"),
    ] {
        let (names, page) = embedded(switch, said).unwrap();
        assert_eq!(names, ["/index.html"], "{switch}");
        for wanted in
            [why, "Node.js 18", "apt install nodejs npm", "cargo run --release -- demo", "/api/v1/devices"]
        {
            assert!(page.contains(wanted), "{wanted} in {page}");
        }
        assert!(!page.contains("{why}") && !page.contains("<script"), "{page}");
    }
}

#[test]
fn with_node_the_dashboard_is_embedded_with_its_compressed_forms() {
    let built = tempfile::tempdir().unwrap();
    fs::create_dir(built.path().join("assets")).unwrap();
    for name in ["index.html", "index.html.br", "index.html.gz", "assets/a.js"] {
        fs::write(built.path().join(name), name).unwrap();
    }
    let (names, page) = embedded("", Ok(built.path().to_owned())).unwrap();
    assert_eq!(names, ["/assets/a.js", "/index.html", "/index.html.br", "/index.html.gz"]);
    assert_eq!(page, "index.html");
}

#[test]
fn a_dashboard_that_is_required_and_cannot_be_built_ends_the_build() {
    let error = embedded("require", Err("no npm")).unwrap_err();
    assert_eq!(error, "the dashboard could not be built: no npm");
    assert!(embedded("on", Err("")).unwrap_err().contains("known are off and require"));
}
