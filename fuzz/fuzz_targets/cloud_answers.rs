//! Feeds the fuzzer's bytes to [`fieldpost_fuzz::cloud_answers`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fieldpost_fuzz::cloud_answers(data));
