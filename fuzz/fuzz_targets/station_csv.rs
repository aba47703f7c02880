//! Feeds the fuzzer's bytes to [`fieldpost_fuzz::station_csv`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fieldpost_fuzz::station_csv(data));
