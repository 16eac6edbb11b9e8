//! Whether this process may use the io_uring engine, found out by using it: the real executor and
//! ring, under the live limits and seccomp filter, and one message received through them. Called
//! once, before any core starts.

use std::cell::RefCell;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use super::driver::run_tuned;
use super::state::Tuning;
use super::stream::Stream;
use crate::{Batch, CoreGauges, sys};

const MESSAGE: &[u8] = b"outrigger";

/// Whether a ring can be built: if not why, and the remedy.
pub(crate) fn probe() -> Result<(), String> {
    // glommio asks for 512 KiB, and kernels before 5.12 count rings against the limit.
    let _ = sys::raise_memlock();
    let outcome = std::thread::Builder::new()
        .name("probe".to_owned())
        .spawn(try_out)
        .map_err(|error| format!("no thread to try it on: {error}"))?
        .join();
    outcome.unwrap_or_else(|_| Err("the executor could not be built here".to_owned()))
}

/// One core's life in small: receive, answer, end.
fn try_out() -> Result<(), String> {
    let outcome = Rc::new(RefCell::new(Err("the core ended early".to_owned())));
    let told = outcome.clone();
    let main = Box::pin(async move {
        let heard = exchange().await.map_err(|error| {
            format!(
                "multishot receive with provided buffers: {error}; Linux 6.1 or later is needed"
            )
        });
        *told.borrow_mut() = heard;
    });
    run_tuned(main, &CoreGauges::default(), Tuning::default())?;
    outcome.replace(Ok(()))
}

async fn exchange() -> io::Result<()> {
    let (ours, mut theirs) = UnixStream::pair()?;
    let stream = Stream::accepted(ours.into())?;
    for _ in 0..2 {
        theirs.write_all(MESSAGE)?;
        let chunk = stream.recv().await?;
        if &*chunk != MESSAGE {
            return Err(io::ErrorKind::InvalidData.into());
        }
        stream.send(Batch::from(chunk)).await?;
    }
    stream.finish().await
}
