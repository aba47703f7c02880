//! Every mix of our three roles and the reference system's, on the reference day: real processes, real sockets.
//!
//! The reference roles are `interop/*.py`, written from the description of the reference system.

use anyhow::{Context, Result, ensure};
use fieldpost_sim::{
    ports::{self, Kind},
    process::{self, Program},
};
use rusqlite::Connection;
use std::{
    collections::BTreeSet,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tempfile::TempDir;

/// The zones to choose from: name, and minutes ahead of UTC.
const ZONES: [(&str, i64); 2] = [("UTC", 0), ("Asia/Kolkata", 330)];

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY_LENGTH: i64 = 24 * HOUR;

const PATIENCE: Duration = Duration::from_secs(30);

/// The reference day: meter, time, temperature, moisture.
const DAY: [(u8, &str, i64, i64); 16] = [
    (2, "08:00", 20, 30),
    (2, "12:00", 25, 33),
    (2, "16:00", 23, 32),
    (2, "20:00", 21, 28),
    (3, "07:00", 18, 28),
    (3, "10:00", 22, 38),
    (3, "13:00", 27, 42),
    (3, "21:00", 20, 19),
    (4, "02:00", 17, 35),
    (4, "09:00", 19, 32),
    (4, "16:00", 24, 36),
    (4, "23:00", 21, 30),
    (5, "05:00", 18, 25),
    (5, "11:00", 24, 28),
    (5, "17:00", 26, 40),
    (5, "23:00", 20, 32),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Maker {
    Ours,
    Reference,
}

use Maker::{Ours, Reference};

#[test]
fn our_device_our_gateway_our_cloud() {
    mix(Ours, Ours, Ours).unwrap();
}

#[test]
fn our_device_our_gateway_reference_cloud() {
    mix(Ours, Ours, Reference).unwrap();
}

#[test]
fn our_device_reference_gateway_our_cloud() {
    mix(Ours, Reference, Ours).unwrap();
}

#[test]
fn our_device_reference_gateway_reference_cloud() {
    mix(Ours, Reference, Reference).unwrap();
}

#[test]
fn reference_device_our_gateway_our_cloud() {
    mix(Reference, Ours, Ours).unwrap();
}

#[test]
fn reference_device_our_gateway_reference_cloud() {
    mix(Reference, Ours, Reference).unwrap();
}

#[test]
fn reference_device_reference_gateway_our_cloud() {
    mix(Reference, Reference, Ours).unwrap();
}

#[test]
fn reference_device_reference_gateway_reference_cloud() {
    mix(Reference, Reference, Reference).unwrap();
}

/// One day through three programs: everything arrives, each says what it must, and each ends well.
fn mix(device: Maker, gateway: Maker, cloud: Maker) -> Result<()> {
    let bench = Bench::new()?;
    let (intake, upload) = (ports::free()?, ports::free()?);
    let mut the_cloud = bench.cloud(cloud, upload)?;
    the_cloud.start()?;
    ports::wait_for_listener(Kind::Tcp, upload, PATIENCE).with_context(|| the_cloud.log())?;
    let mut the_gateway = bench.gateway(gateway, intake, upload)?;
    the_gateway.start()?;
    ports::wait_for_listener(Kind::Udp, intake, PATIENCE).with_context(|| the_gateway.log())?;

    let began = now()?;
    for number in 1..=4 {
        let mut meter = bench.device(device, number, intake)?;
        meter.start()?;
        meter.finish(PATIENCE)?;
        check_device(device, number, &meter.output())?;
    }
    the_gateway.finish(PATIENCE)?;
    the_cloud.finish(PATIENCE)?;

    check_gateway(gateway, &the_gateway.output())?;
    let printed = the_cloud.output();
    check_lines(&printed, cloud).with_context(|| format!("the cloud printed:\n{printed}"))?;
    if cloud == Ours {
        check_store(&bench.folder.path().join("cloud/store.db"), bench.zone.1, began)?;
    }
    Ok(())
}

/// The day's files, and a zone in which no measurement of the day is near the present minute.
struct Bench {
    folder: TempDir,
    zone: (&'static str, i64),
}

impl Bench {
    fn new() -> Result<Self> {
        let folder = TempDir::new()?;
        for number in 1..=4 {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../surveys/Surveys{number}.txt"));
            let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
            // Two meters' files end without a newline, as the reference system allows.
            let end = if ends_with_newline(number) { "\n" } else { "" };
            fs::write(
                folder.path().join(format!("Surveys{number}.txt")),
                format!("{}{end}", text.trim_end()),
            )?;
        }
        // The day measures on the full hour. Half an hour away from it, the latest 08:00 is the same for everyone.
        let minute = now()? % HOUR / MINUTE;
        let [utc, half_past] = ZONES;
        Ok(Self { folder, zone: if (15..45).contains(&minute) { utc } else { half_past } })
    }

    fn cloud(&self, maker: Maker, upload: SocketAddr) -> Result<Program> {
        let data = self.folder.path().join("cloud");
        Ok(match maker {
            Ours => self.ours(
                "cloud",
                vec![
                    "cloud".into(),
                    format!("--listen=tcp://{upload}"),
                    format!("--data={}", data.display()),
                    format!("--time-zone={}", self.zone.0),
                    "--once".into(),
                ],
            )?,
            Reference => self.reference(
                "cloud",
                vec![format!("--host={}", upload.ip()), format!("--port={}", upload.port())],
            ),
        })
    }

    fn gateway(&self, maker: Maker, intake: SocketAddr, upload: SocketAddr) -> Result<Program> {
        let data = self.folder.path().join("gateway");
        Ok(match maker {
            Ours => self.ours(
                "gateway",
                vec![
                    "gateway".into(),
                    format!("--listen=udp://{intake}"),
                    format!("--cloud=tcp://{upload}"),
                    format!("--data={}", data.display()),
                    format!("--time-zone={}", self.zone.0),
                    "--expect=192.168.1.2,192.168.1.3,192.168.1.4,192.168.1.5".into(),
                    "--print".into(),
                    "--once".into(),
                ],
            )?,
            Reference => self.reference(
                "gateway",
                vec![
                    format!("--host={}", intake.ip()),
                    format!("--port={}", intake.port()),
                    format!("--cloud-host={}", upload.ip()),
                    format!("--cloud-port={}", upload.port()),
                ],
            ),
        })
    }

    fn device(&self, maker: Maker, number: u8, intake: SocketAddr) -> Result<Program> {
        let name = format!("device{number}");
        let survey = self.folder.path().join(format!("Surveys{number}.txt"));
        let id = format!("--id=192.168.1.{}", number + 1);
        let survey = format!("--survey={}", survey.display());
        Ok(match maker {
            Ours => self.ours(
                &name,
                vec!["device".into(), id, survey, format!("--gateway=udp://{intake}"), "--once".into()],
            )?,
            Reference => {
                let to = [format!("--host={}", intake.ip()), format!("--port={}", intake.port())];
                self.reference(&name, [vec![id, survey], to.to_vec()].concat())
            }
        })
    }

    fn ours(&self, name: &str, arguments: Vec<String>) -> Result<Program> {
        Ok(Program::new(name, &process::fieldpost()?, self.folder.path(), arguments))
    }

    fn reference(&self, name: &str, arguments: Vec<String>) -> Program {
        let role = name.trim_end_matches(char::is_numeric);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("interop/reference_{role}.py"));
        let arguments = [vec![script.display().to_string()], arguments].concat();
        Program::new(name, &PathBuf::from("python3"), self.folder.path(), arguments)
    }
}

fn ends_with_newline(number: u8) -> bool {
    number <= 2
}

/// Four measurements with addresses of 11 characters: 119 bytes, 120 if the file's last line has its own newline.
fn check_device(maker: Maker, number: u8, printed: &str) -> Result<()> {
    let size = if ends_with_newline(number) { 120 } else { 119 };
    let expected = match maker {
        Ours => [
            format!("192.168.1.{}: {size} bytes, 4 measurements", number + 1),
            "reply: Surveys arrived (after".into(),
        ],
        Reference => [format!("sent {size} bytes"), "reply: Surveys arrived (15 bytes)".into()],
    };
    for words in expected {
        ensure!(printed.contains(&words), "device {number} did not print `{words}`:\n{printed}");
    }
    Ok(())
}

fn check_gateway(maker: Maker, printed: &str) -> Result<()> {
    for size in ["119 bytes", "120 bytes"] {
        ensure!(printed.matches(size).count() == 2, "two datagrams of {size}, not:\n{printed}");
    }
    if maker == Reference {
        ensure!(printed.contains("reply: Surveys received (16 bytes)"), "not the cloud's reply:\n{printed}");
    }
    Ok(())
}

/// The sixteen measurements, each once, and nothing else that looks like one.
fn check_lines(printed: &str, cloud: Maker) -> Result<()> {
    let separator = if cloud == Ours { " - " } else { " " };
    let expected: BTreeSet<_> = DAY
        .iter()
        .map(|(meter, time, t, h)| format!("192.168.1.{meter}{separator}{time} - {t} - {h}%"))
        .collect();
    let lines: Vec<_> = printed.lines().filter(|line| line.ends_with('%')).map(str::to_owned).collect();
    ensure!(lines.len() == DAY.len(), "{} measurements, not {}", lines.len(), DAY.len());
    let found: BTreeSet<_> = lines.into_iter().collect();
    ensure!(found == expected, "found {found:#?}, expected {expected:#?}");
    Ok(())
}

/// The sixteen readings at the latest instants that the site's clock showed these times.
fn check_store(store: &Path, ahead: i64, now: i64) -> Result<()> {
    let store = Connection::open(store)?;
    let query = "SELECT name, time, temperature, moisture FROM readings JOIN devices ON id = device";
    let mut query = store.prepare(query)?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    let found: BTreeSet<(String, i64, i64, i64)> = rows.collect::<Result<_, _>>()?;
    let expected: Result<BTreeSet<_>> = DAY
        .iter()
        .map(|(meter, time, t, h)| {
            Ok((format!("192.168.1.{meter}"), latest(time, ahead, now)?, t * 100, h * 100))
        })
        .collect();
    let expected = expected?;
    ensure!(found == expected, "the store holds {found:#?}, not {expected:#?}");
    Ok(())
}

/// The last time before `now` at which a clock so many minutes `ahead` of UTC showed the full hour `time`.
fn latest(time: &str, ahead: i64, now: i64) -> Result<i64> {
    let hour: i64 = time.strip_suffix(":00").context("not a full hour")?.parse()?;
    let here = now + ahead * MINUTE;
    let today = here / DAY_LENGTH * DAY_LENGTH + hour * HOUR;
    let shown = if today > here { today - DAY_LENGTH } else { today };
    Ok(shown - ahead * MINUTE)
}

fn now() -> Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?)
}
