//! The fuzzer's way into `fuzz::log_line`; fuzz/README.md says how to run it.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::log_line::run(data));
