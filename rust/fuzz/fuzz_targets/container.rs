#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logan_fuzz::container(data));
