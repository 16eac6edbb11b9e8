//! The fuzzer's way into `fuzz::config_load`; fuzz/README.md says how to run it.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::config_load::run(data));
