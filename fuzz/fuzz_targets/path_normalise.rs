//! The fuzzer's way into `fuzz::path_normalise`; fuzz/README.md says how to run it.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::path_normalise::run(data));
