//! The fuzzer's way into `fuzz::chunked_body`; fuzz/README.md says how to run it.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::chunked_body::run(data));
