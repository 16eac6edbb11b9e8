//! The fuzzer's way into `fuzz::request_head`; fuzz/README.md says how to run it.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::request_head::run(data));
