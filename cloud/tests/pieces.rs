//! Uploads whose bytes come in pieces, or do not all come: the same as whole, or nothing.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "this file is a test")]

use crate::support;

use proptest::{
    collection,
    prelude::*,
    sample,
    test_runner::{RngSeed, TestRunner},
};
use std::{
    cell::Cell,
    hash::{BuildHasher, RandomState},
};
use support::{Cloud, PATIENCE, sql};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Real connections take their time.
const CASES: u32 = 48;

/// How a request says where its body ends.
#[derive(Debug, Clone, Copy)]
enum Framing {
    Length,
    Chunks,
}

/// A request with so many readings of a device.
fn request(device: &str, readings: usize, framing: Framing, places: &[sample::Index]) -> Vec<u8> {
    let record = |n: usize| {
        format!(
            r#"{{"bn":"{device}/","bt":{},"n":"temperature","u":"Cel","v":20.5}}"#,
            1_751_356_800 + n * 3_600
        )
    };
    let body = format!("[{}]", (0..readings).map(record).collect::<Vec<_>>().join(","));
    let head = "POST /api/v1/surveys HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/senml+json\r\n";
    match framing {
        Framing::Length => format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes(),
        Framing::Chunks => {
            let mut request = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
            for chunk in pieces(body.as_bytes(), places) {
                request.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                request.extend_from_slice(chunk);
                request.extend_from_slice(b"\r\n");
            }
            request.extend_from_slice(b"0\r\n\r\n");
            request
        }
    }
}

/// The bytes, split at these places.
fn pieces<'a>(bytes: &'a [u8], places: &[sample::Index]) -> Vec<&'a [u8]> {
    let mut ends: Vec<usize> = places.iter().map(|place| place.index(bytes.len() + 1)).collect();
    ends.extend([0, bytes.len()]);
    ends.sort_unstable();
    ends.dedup();
    ends.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

/// Sends the bytes piece by piece, and nothing behind them; what is answered until the other side closes.
async fn send(to: std::net::SocketAddr, bytes: &[u8], places: &[sample::Index]) -> String {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let whole = async {
        for piece in pieces(bytes, places) {
            stream.write_all(piece).await?;
            tokio::task::yield_now().await;
        }
        stream.shutdown().await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    tokio::time::timeout(PATIENCE, whole).await.unwrap().unwrap_or_default()
}

/// A seed of its own for each run, which is printed; with PROPTEST_RNG_SEED in the environment, that one.
fn config() -> ProptestConfig {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) };
    let seed = match config.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => RandomState::new().hash_one(0),
    };
    println!("PROPTEST_RNG_SEED={seed}");
    ProptestConfig { rng_seed: RngSeed::Fixed(seed), ..config }
}

fn places() -> impl Strategy<Value = Vec<sample::Index>> {
    collection::vec(any::<sample::Index>(), 0..10)
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_of_a_request_that_is_cut_nothing_is_taken_and_in_pieces_it_is_taken_whole() {
    let cloud = Cloud::start().await;
    let (http, number) = (cloud.http, Cell::new(0_u32));
    let handle = tokio::runtime::Handle::current();
    let framing = sample::select(vec![Framing::Length, Framing::Chunks]);
    let input = (1..60_usize, framing, any::<sample::Index>(), places(), places());
    let checked = tokio::task::block_in_place(|| {
        TestRunner::new(config()).run(&input, |(readings, framing, cut, places, chunks)| {
            number.set(number.get() + 1);
            let request = request(&format!("m{}", number.get()), readings, framing, &chunks);
            let part = handle.block_on(send(http, &request[..cut.index(request.len())], &places));
            prop_assert!(part.is_empty() || !part.starts_with("HTTP/1.1 2"), "{}", part);
            let whole = handle.block_on(send(http, &request, &places));
            let report = format!(r#"{{"new":{readings},"duplicate":0,"conflict":0}}"#);
            prop_assert!(whole.starts_with("HTTP/1.1 200 ") && whole.ends_with(&report), "{}", whole);
            Ok(())
        })
    });
    checked.unwrap_or_else(|found| panic!("{found}"));
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_of_text_that_is_cut_nothing_is_taken_and_in_pieces_it_is_taken_whole() {
    let cloud = Cloud::start().await;
    let (upload, store, number) = (cloud.upload, cloud.store(), Cell::new(0_u32));
    let handle = tokio::runtime::Handle::current();
    let input = (1..60_usize, any::<sample::Index>(), places());
    let checked = tokio::task::block_in_place(|| {
        TestRunner::new(config()).run(&input, |(readings, cut, places)| {
            number.set(number.get() + 1);
            let device = format!("m{}", number.get());
            let line =
                |n: usize| format!("{device} 2025-07-{:02} {:02}:00Z - 20.5 - 30%\n", 1 + n / 24, n % 24);
            let text: String = (0..readings).map(line).collect();
            let held = || {
                let held = format!(
                    "SELECT count(*) FROM readings JOIN devices ON id = device WHERE name = '{device}'"
                );
                usize::try_from(sql::<i64>(&store, &held)).unwrap()
            };
            let part = &text[..cut.index(text.len())];
            let said = handle.block_on(send(upload, part.as_bytes(), &places));
            let lines = if part.ends_with('\n') || part.is_empty() { part.lines().count() } else { 0 };
            prop_assert_eq!(said == "Surveys received", lines > 0 || part.is_empty(), "{}", said);
            prop_assert_eq!(held(), lines);
            prop_assert_eq!(handle.block_on(send(upload, text.as_bytes(), &places)), "Surveys received");
            prop_assert_eq!(held(), readings);
            Ok(())
        })
    });
    checked.unwrap_or_else(|found| panic!("{found}"));
    cloud.stop().await;
}
