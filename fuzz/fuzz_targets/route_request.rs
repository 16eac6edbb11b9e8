//! The fuzzer's way into `fuzz::route_request`; fuzz/README.md says how to run it.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::route_request::run(data));
