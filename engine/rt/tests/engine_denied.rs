//! A core whose engine is forbidden after all. A binary of its own, as the executor asks the kernel
//! once a process and remembers the answer.

mod common;

use common::forbid_io_uring;
use rt::{EngineKind, StartError};

#[test]
fn a_core_that_cannot_have_its_engine_is_a_start_error() {
    forbid_io_uring(libc::EPERM);
    let spec = rt::CoreSpec { id: rt::CoreId(0), engine: EngineKind::Uring, cpu: None };
    let error = rt::start_core(spec, || async {}).unwrap_err();
    assert!(matches!(error, StartError::Uring(_) | StartError::Died(_)), "{error}");
}
