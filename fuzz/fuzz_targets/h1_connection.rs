//! The fuzzer's way into `fuzz::h1_connection`; fuzz/README.md says how to run it.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::h1_connection::run(data));
