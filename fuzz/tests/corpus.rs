//! Every target over its committed inputs, and over a few hundred damaged copies of each: what the fuzzer does, briefly,
//! on any toolchain.
//!
//! `FIELDPOST_FUZZ_SEED=<seed>` damages them in the same way again.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this file is a test"
)]

use std::{
    collections::BTreeSet,
    env, fs,
    hash::{BuildHasher, Hasher, RandomState},
    panic,
    path::Path,
};

/// Damaged copies of each input.
const COPIES: u64 = 300;
/// The most bytes that one damage adds.
const LONGEST_PIECE: u64 = 16;

macro_rules! targets {
    ($($target:ident),+) => {$(
        #[test]
        fn $target() {
            holds_over_the_corpus(stringify!($target), fieldpost_fuzz::$target);
        }
    )+

        #[test]
        fn no_inputs_lie_where_nobody_runs_them() {
            let mut folders: Vec<_> = fs::read_dir(corpus("")).unwrap().map(|one| one.unwrap().file_name()).collect();
            let mut targets = vec![$(stringify!($target)),+];
            folders.sort();
            targets.sort_unstable();
            assert_eq!(folders, targets);
        }

        #[test]
        fn every_target_is_fuzzed_and_documented() {
            let targets = BTreeSet::from([$(stringify!($target)),+]);
            let run = read("fuzz/run");
            let all = run.lines().find_map(|line| line.strip_prefix("ALL=(")?.strip_suffix(')')).unwrap();
            assert_eq!(all.split_whitespace().collect::<BTreeSet<_>>(), targets, "fuzz/run");
            let manifest = read("fuzz/Cargo.toml");
            let bins = manifest.lines().filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")?.strip_suffix(".rs\""));
            assert_eq!(bins.collect::<BTreeSet<_>>(), targets, "fuzz/Cargo.toml");
            let guide = read("docs/TESTING.md");
            let table = guide.split("\n## ").find(|part| part.starts_with("Fuzzing")).unwrap();
            let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
            let named = rows.flat_map(|cell| cell.split(", ").map(|name| name.trim_matches('`')));
            assert_eq!(named.collect::<BTreeSet<_>>(), targets, "docs/TESTING.md");
        }
    };
}

targets!(
    datagram,
    upload,
    senml_json,
    senml_cbor,
    config,
    station_uscrn,
    station_csv,
    survey_file,
    import_file,
    reply,
    answer,
    custody,
    http_request,
    cloud_answers
);

/// A file of the repository.
fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

fn corpus(target: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

fn holds_over_the_corpus(target: &str, check: fn(&[u8])) {
    let mut files: Vec<_> = fs::read_dir(corpus(target)).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "there are no inputs for {target}");
    let inputs: Vec<Vec<u8>> = files.iter().map(|path| fs::read(path).unwrap()).collect();
    for (path, input) in files.iter().zip(&inputs) {
        run(check, input, &path.display().to_string());
    }
    let mut random = Random::seeded();
    let seed = random.0;
    println!("FIELDPOST_FUZZ_SEED={seed}");
    // Reading a configuration, or asking a cloud, takes a hundred times as long as reading a message.
    let copies = if matches!(target, "config" | "http_request") { COPIES / 10 } else { COPIES };
    for (path, input) in files.iter().zip(&inputs) {
        for _ in 0..copies {
            let other = &inputs[random.below(inputs.len() as u64)];
            let damaged = random.damage(input, other);
            run(check, &damaged, &format!("a damaged copy of {}, seed {seed}", path.display()));
        }
    }
}

fn run(check: fn(&[u8]), input: &[u8], name: &str) {
    if let Err(broken) = panic::catch_unwind(|| check(input)) {
        eprintln!("{name}: `{}`", input.escape_ascii());
        panic::resume_unwind(broken);
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn seeded() -> Self {
        let chosen = env::var("FIELDPOST_FUZZ_SEED").ok().map(|seed| seed.parse().unwrap());
        Self(chosen.unwrap_or_else(|| RandomState::new().build_hasher().finish()))
    }

    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let number = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }

    fn below(&mut self, limit: u64) -> usize {
        usize::try_from(self.number() % limit.max(1)).unwrap()
    }

    /// A copy with one to four faults.
    fn damage(&mut self, input: &[u8], other: &[u8]) -> Vec<u8> {
        let mut copy = input.to_vec();
        for _ in 0..=self.below(4) {
            let from = self.place(&copy);
            let to = copy.len().min(from + self.below(LONGEST_PIECE));
            match self.below(6) {
                0 => {
                    if let Some(byte) = copy.get_mut(from) {
                        *byte ^= 1 << self.below(8);
                    }
                }
                1 => drop(copy.drain(from..to)),
                2 => copy.insert(from, b"0 -:.,/%\n\"[]{}eZ\xff"[self.below(17)]),
                3 => copy.truncate(from),
                4 => {
                    let start = self.place(other);
                    let end = other.len().min(start + self.below(LONGEST_PIECE));
                    copy.splice(from..from, other[start..end].iter().copied());
                }
                _ => {
                    let again = copy[from..to].to_vec();
                    copy.splice(from..from, again);
                }
            }
        }
        copy
    }

    fn place(&mut self, bytes: &[u8]) -> usize {
        self.below(bytes.len() as u64 + 1)
    }
}
