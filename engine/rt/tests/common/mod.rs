//! What the tests of the runtime seam share: every scenario runs on both engines, on cores of its
//! own.

#![allow(unsafe_code)]
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::fs::File;
use std::future::Future;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::OnceLock;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use rt::{Address, CoreId, CoreSpec, CoreThread, EngineChoice, EngineKind, Listener, Stream};

/// A scenario that takes longer hangs.
const HANGS_AFTER: Duration = Duration::from_secs(60);
/// What the listeners of tests tell a client when no descriptor is left.
pub(crate) const REFUSAL: &[u8] = b"no room";

/// Runs `scenario` on each engine that this machine has; says so, uncaptured, if that is not both.
pub(crate) fn on_both(scenario: impl Fn(EngineKind)) {
    static WITHOUT: OnceLock<Option<String>> = OnceLock::new();
    scenario(EngineKind::Epoll);
    let without = WITHOUT.get_or_init(|| {
        let why = rt::probe(EngineChoice::Uring).err().map(|error| error.to_string());
        if let Some(why) = &why {
            let _ = writeln!(std::io::stderr(), "\n!!! NOT TESTED ON IO_URING: {why}\n");
        }
        why
    });
    if without.is_none() {
        scenario(EngineKind::Uring);
    }
}

/// Runs `main` as a core of `engine` to its end; fails if it panics or hangs.
pub(crate) fn on_core<F: Future<Output = ()> + 'static>(
    engine: EngineKind,
    main: impl FnOnce() -> F + Send + 'static,
) {
    let (lives, ended) = channel::<()>();
    let core = start(engine, move || {
        let main = main();
        async move {
            let _lives = lives;
            main.await;
        }
    });
    if ended.recv_timeout(HANGS_AFTER) == Err(RecvTimeoutError::Timeout) {
        panic!("on {}: hangs", engine.as_str());
    }
    if let Err(panic) = core.join() {
        panic!("on {}: {panic}", engine.as_str());
    }
}

/// Starts a core.
pub(crate) fn start<F: Future<Output = ()> + 'static>(
    engine: EngineKind,
    main: impl FnOnce() -> F + Send + 'static,
) -> CoreThread {
    rt::start_core(CoreSpec { id: CoreId(0), engine, cpu: None }, main).unwrap()
}

/// A listener of this core on a port of the kernel's choice.
pub(crate) fn listen() -> (Listener, SocketAddr) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    (Listener::new(socket.into(), REFUSAL).unwrap(), address)
}

/// Two ends of one connection, both on this core: who connected, and who accepted.
pub(crate) async fn pair() -> (Stream, Stream) {
    let (listener, address) = listen();
    let (connected, accepted) =
        rt::both(Stream::connect(&Address::Inet(address)), listener.accept()).await;
    (connected.unwrap(), accepted.unwrap())
}

/// A stream of this core and, at its other end, a plain blocking socket.
pub(crate) async fn pair_with_plain() -> (Stream, TcpStream) {
    let (listener, address) = listen();
    let plain = TcpStream::connect(address).unwrap();
    (listener.accept().await.unwrap(), plain)
}

/// How many descriptors the process has open.
pub(crate) fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Waits until the number of descriptors has stood still for a while: the executor that `probe`
/// tried closes its last one on a thread of its own.
pub(crate) async fn descriptors_settle() -> usize {
    let mut last = descriptors();
    loop {
        rt::sleep(Duration::from_millis(100)).await;
        let now = descriptors();
        if std::mem::replace(&mut last, now) == now {
            return now;
        }
    }
}

/// Lowers the limit of descriptors, of the whole process: for a test that is a binary of its own.
pub(crate) fn allow_descriptors(limit: u64) {
    let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit.max(1024) };
    // SAFETY: the limit is readable.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
}

/// Takes every descriptor that is left.
pub(crate) fn fill_descriptors() -> Vec<File> {
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

/// Has `io_uring_setup` answer `errno` on this thread and those it starts, as the default profiles
/// of Docker and containerd do.
pub(crate) fn forbid_io_uring(errno: i32) {
    let filter = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let program = [
        // The number of the system call stands first in what the filter sees.
        filter(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        filter(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, libc::SYS_io_uring_setup as u32),
        filter(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | errno as u32),
        filter(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program =
        libc::sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
    // SAFETY: the program is readable and as long as it says; it binds this thread and its
    // children.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let mode = libc::SECCOMP_MODE_FILTER;
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program), 0);
    }
}

/// What `blocking` returns, run on a thread of its own while this core goes on.
pub(crate) async fn beside<T: Send + 'static>(blocking: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, mut inbox) = rt::mailbox(1);
    let thread = std::thread::spawn(move || drop(sender.send(blocking())));
    let result = inbox.recv().await.expect("the thread sends before it ends");
    thread.join().unwrap();
    result
}

/// Bytes up to the peer's end.
pub(crate) async fn recv_to_end(stream: &Stream) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let chunk = stream.recv().await.unwrap();
        if chunk.is_empty() {
            return all;
        }
        all.extend_from_slice(&chunk);
    }
}

/// The next `length` bytes, which must not be followed by more in the same chunk.
pub(crate) async fn recv_exactly(stream: &Stream, length: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while all.len() < length {
        let chunk = stream.recv().await.unwrap();
        assert!(!chunk.is_empty(), "the peer ended after {} of {length} bytes", all.len());
        all.extend_from_slice(&chunk);
    }
    assert_eq!(all.len(), length);
    all
}

/// `length` bytes that no shift or swap leaves as they are.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let mut byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(|_| byte()).collect()
}

/// `bytes` in a head buffer.
pub(crate) fn head(bytes: &[u8]) -> rt::HeadBuf {
    let mut buf = rt::HeadBuf::take();
    buf.extend_from_slice(bytes);
    buf
}
