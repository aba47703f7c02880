//! Feeds the fuzzer's bytes to [`fieldpost_fuzz::http_request`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fieldpost_fuzz::http_request(data));
