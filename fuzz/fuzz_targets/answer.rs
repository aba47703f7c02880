//! Feeds the fuzzer's bytes to [`fieldpost_fuzz::answer`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fieldpost_fuzz::answer(data));
