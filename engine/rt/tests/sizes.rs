//! Memory is part of the seam's design: what a connection holds while it waits stays small.

mod common;

use common::{on_both, on_core, pair};
use rt::{Batch, Timer};

#[test]
fn a_stream_and_its_futures_stay_small() {
    on_both(|engine| {
        on_core(engine, || async {
            let (stream, _other) = pair().await;
            let timer = Timer::new();
            assert!(size_of_val(&stream) <= 80, "stream: {}", size_of_val(&stream));
            let waiting = timer.race(stream.recv());
            assert!(size_of_val(&waiting) <= 112, "timed receive: {}", size_of_val(&waiting));
            let sending = stream.send(Batch::new());
            assert!(size_of_val(&sending) <= 208, "send: {}", size_of_val(&sending));
        });
    });
}
