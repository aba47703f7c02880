//! What an operator sees when something about the start is wrong: which thing, and the way out.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "this file is a test")]

use crate::common;

use common::{Running, fieldpost};
use std::{
    net::{TcpListener, UdpSocket},
    path::Path,
    process::{Command, Output},
};

/// Runs a command that must end by itself; returns its exit code and what it said on stderr.
fn ends(command: &mut Command) -> (i32, String) {
    let Output { status, stderr, .. } = command.output().unwrap();
    (status.code().expect("ended by a signal"), String::from_utf8(stderr).unwrap())
}

fn gateway(data: &Path, more: &[&str]) -> Command {
    let mut command =
        fieldpost(&["gateway", "--listen", "udp://127.0.0.1:0", "--cloud", "tcp://127.0.0.1:9"]);
    command.arg("--data").arg(data).args(more);
    command
}

#[test]
fn an_unknown_key_in_the_configuration_is_named_with_the_known_ones() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("fieldpost.toml");
    std::fs::write(&file, "[gateway]\nexpekt = [\"a\"]\n").unwrap();
    let (code, said) = ends(&mut gateway(data.path(), &[]));
    assert_eq!(code, 2, "{said}");
    for part in [file.to_str().unwrap(), "`expekt`", "[gateway]", "expect"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    std::fs::write(&file, "[gatway]\n").unwrap();
    let (code, said) = ends(&mut gateway(data.path(), &[]));
    assert!(code == 2 && said.contains("`[gatway]`") && said.contains("gateway, cloud"), "{said}");
    std::fs::write(&file, "[gateway\n").unwrap();
    let (code, said) = ends(&mut gateway(data.path(), &[]));
    assert!(code == 2 && said.contains(file.to_str().unwrap()), "{said}");
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, "[device]\nid = \"from-file\"\ngateway = \"udp://127.0.0.1:9\"\ndepth = \"7\"\n")
        .unwrap();
    let device = |more: &[&str]| {
        let mut command = fieldpost(&["device", "--survey", "no-such-file", "--once", "--config"]);
        command.arg(&file).args(more);
        command
    };
    let (code, said) = ends(&mut device(&[]));
    assert!(code == 2 && said.contains("depth"), "the file's depth is read, and wrong: {said}");
    let (code, said) = ends(device(&[]).env("FIELDPOST_DEPTH", "8"));
    assert!(code == 2 && said.contains('8'), "the environment's depth counts: {said}");
    let (code, said) = ends(device(&["--depth", "10"]).env("FIELDPOST_DEPTH", "8"));
    assert!(code == 1 && said.contains("no-such-file"), "the flag's depth counts: {said}");
}

#[test]
fn a_flag_wins_over_an_alternative_to_it_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, "[device]\nsurvey = \"from-file\"\n").unwrap();
    let (code, said) = ends(
        fieldpost(&[
            "device",
            "--id",
            "a",
            "--gateway",
            "udp://127.0.0.1:9",
            "--once",
            "--replay",
            "from-flag",
        ])
        .arg("--config")
        .arg(&file),
    );
    assert!(code == 1 && said.contains("from-flag"), "{said}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let data = tempfile::tempdir().unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = format!("udp://{}", udp.local_addr().unwrap());
    let (code, said) = ends(
        fieldpost(&["gateway", "--listen", &address, "--cloud", "tcp://127.0.0.1:9", "--data"])
            .arg(data.path()),
    );
    assert!(code == 1 && said.contains(&address) && said.contains("another port"), "{said}");
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap().to_string();
    let (code, said) = ends(fieldpost(&["cloud", "--http", &address, "--data"]).arg(data.path()));
    assert!(code == 1 && said.contains(&address) && said.contains("another port"), "{said}");
    let (code, said) = ends(&mut fieldpost(&["demo", "--http", &address]));
    assert!(code == 1 && said.contains(&address) && said.contains("--http"), "{said}");
}

#[test]
fn off_loopback_nothing_is_opened_unless_asked_for() {
    let data = tempfile::tempdir().unwrap();
    for arguments in [
        &["gateway", "--listen", "udp://0.0.0.0:0", "--cloud", "tcp://127.0.0.1:9", "--data"][..],
        &["cloud", "--listen", "tcp://[::]:0", "--data"],
    ] {
        let (code, said) = ends(fieldpost(arguments).arg(data.path()));
        assert!(code == 2 && said.contains("--allow-insecure"), "{arguments:?}: {said}");
    }
}

#[test]
fn a_data_folder_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a-file");
    std::fs::write(&file, "").unwrap();
    let within = file.join("data");
    for command in
        [&mut gateway(&within, &[]), fieldpost(&["cloud", "--http", "127.0.0.1:0", "--data"]).arg(&within)]
    {
        let (code, said) = ends(command);
        assert!(code == 1 && said.contains(within.to_str().unwrap()), "{said}");
    }
}

#[test]
fn a_data_folder_in_use_is_refused_and_the_first_user_goes_on() {
    let data = tempfile::tempdir().unwrap();
    let mut first = Running::start(gateway(data.path(), &[]), "ready");
    let (code, said) = ends(&mut gateway(data.path(), &[]));
    assert!(code == 1 && said.contains(data.path().to_str().unwrap()) && said.contains("in use"), "{said}");
    assert!(first.0.try_wait().unwrap().is_none(), "the first gateway runs on");
}

#[test]
fn sigterm_ends_a_program_cleanly() {
    let data = tempfile::tempdir().unwrap();
    let mut cloud = fieldpost(&["cloud", "--listen", "tcp://127.0.0.1:0", "--http", "127.0.0.1:0", "--data"]);
    cloud.arg(data.path().join("cloud"));
    for command in [gateway(data.path(), &[]), cloud] {
        let mut running = Running::start(command, "ready");
        let pid = running.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert_eq!(running.0.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn a_survey_file_that_cannot_be_sent_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.txt");
    std::fs::write(&bad, "08:00 - 20 - 30%\n09:00 - warm - 30%\n").unwrap();
    for (file, part) in
        [(bad.as_path(), "warm"), (folder.path(), "folder"), (Path::new("missing.txt"), "missing.txt")]
    {
        let (code, said) = ends(
            fieldpost(&["device", "--id", "a", "--gateway", "udp://127.0.0.1:9", "--once", "--survey"])
                .arg(file),
        );
        assert!(code == 1 && said.contains(part), "{said}");
    }
    let (code, said) =
        ends(&mut fieldpost(&["device", "--id", "a b", "--gateway", "udp://127.0.0.1:9", "--survey", "x"]));
    assert!(code == 2 && said.contains("device id"), "{said}");
    let (code, said) =
        ends(&mut fieldpost(&["device", "--id", "a", "--gateway", "coap://127.0.0.1", "--survey", "x"]));
    assert!(code == 2 && said.contains("udp://"), "{said}");
}

#[test]
fn a_journal_that_is_too_small_to_be_of_use_is_refused_with_the_least() {
    let data = tempfile::tempdir().unwrap();
    let (code, said) = ends(&mut gateway(data.path(), &["--journal-max", "512KiB"]));
    assert_eq!(code, 2, "{said}");
    for part in ["512KiB", "too small", "1MiB", "--journal-max"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    drop(Running::start(gateway(data.path(), &["--journal-max", "1MiB"]), "ready"));
}
