//! The engine under settings that no core has: tiny pools, tiny queues, an older kernel. What needs
//! no settings is in `tests/uring_*.rs`.

use std::cell::Cell;
use std::future::Future;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use io_uring::types;
use socket2::SockRef;

use super::buffers::{Buffer, Buffers, CONNECTION_CHUNKS_MAX, Figures, Group, Room};
use super::connection::Connection;
use super::driver::run_tuned;
use super::ops::{Op, Role, Slot, Slots, Token};
use super::ring::{Depth, Ring};
use super::state::{Tuning, with};
use super::stream::Stream;
use super::tasks;
use crate::{Batch, Chunk, CoreGauges, Either, HeadBuf, either, sleep};

/// Runs `main` as a core, on a thread of its own: a thread is a core once.
fn run<F: Future<Output = ()> + 'static>(
    tuning: Tuning,
    main: impl FnOnce() -> F + Send + 'static,
) -> CoreGauges {
    let core = std::thread::spawn(move || {
        let gauges = CoreGauges::default();
        run_tuned(Box::pin(async move { main().await }), &gauges, tuning).unwrap();
        gauges
    });
    core.join().unwrap()
}

fn one_shot() -> Tuning {
    Tuning { bounded_multishot: false, ..Tuning::default() }
}

fn tiny_pool() -> Tuning {
    let room = Room { small: 8, bulk: 2, small_kept: 2, bulk_kept: 1 };
    Tuning { room, ..Tuning::default() }
}

/// A stream of this core, and the socket at its other end.
fn pair() -> (Stream, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (Stream::accepted(ours.into()).unwrap(), theirs)
}

fn tcp_pair() -> (Stream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let theirs = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (ours, _) = listener.accept().unwrap();
    (Stream::accepted(ours.into()).unwrap(), theirs)
}

/// Writes `bytes` of the value `tag` from a thread, then ends.
fn upload(mut to: impl Write + Send + 'static, tag: u8, bytes: usize) -> JoinHandle<()> {
    std::thread::spawn(move || {
        // Odd pieces, so that buffers are filled in part.
        for piece in vec![tag; bytes].chunks(3001) {
            to.write_all(piece).unwrap();
        }
    })
}

/// Receives to the end; every byte must be `tag`.
async fn download(stream: &Stream, tag: u8) -> usize {
    let mut total = 0;
    loop {
        let chunk = stream.recv().await.unwrap();
        if chunk.is_empty() {
            return total;
        }
        assert!(chunk.iter().all(|byte| *byte == tag), "a stray byte at stream {tag}");
        total += chunk.len();
    }
}

/// Waits until `done` holds.
async fn until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "never came: {what}");
        sleep(Duration::from_millis(1)).await;
    }
}

fn figures() -> Figures {
    with(|state| state.buffers.figures()).unwrap()
}

fn held() -> u64 {
    figures().held
}

#[test]
fn a_pool_that_runs_dry_recovers() {
    for tuning in [tiny_pool(), Tuning { bounded_multishot: false, ..tiny_pool() }] {
        let gauges = run(tuning, || async {
            const BYTES: usize = 50_000;
            let left = Rc::new(Cell::new(40));
            for tag in 0..40 {
                let (stream, theirs) = pair();
                upload(theirs, tag, BYTES);
                let left = left.clone();
                tasks::spawn(async move {
                    assert_eq!(download(&stream, tag).await, BYTES);
                    left.set(left.get() - 1);
                });
            }
            until("all uploads", || left.get() == 0).await;
            until("all buffers back", || held() == 0).await;
        });
        assert!(gauges.enobufs.read() > 0, "the pool was not too small");
        assert!(gauges.buffers_total.read() <= 8 + 2, "the pool outgrew its room");
    }
}

#[test]
fn a_connection_parked_for_a_buffer_gets_the_next_that_comes_back() {
    run(tiny_pool(), || async {
        let mut streams: Vec<_> = (0..10).map(|_| pair()).collect();
        // Each sends one chunk, and holds on to it: eight buffers for ten.
        let chunks: Rc<Cell<Vec<Chunk>>> = Rc::default();
        for (stream, theirs) in &mut streams {
            theirs.write_all(b"mine").unwrap();
            let _ = stream;
        }
        let (received, theirs): (Vec<_>, Vec<_>) = streams.into_iter().unzip();
        let count = Rc::new(Cell::new(0));
        for stream in received {
            let (chunks, count) = (chunks.clone(), count.clone());
            tasks::spawn(async move {
                let chunk = stream.recv().await.unwrap();
                let mut all = chunks.take();
                all.push(chunk);
                chunks.set(all);
                count.set(count.get() + 1);
                stream.recv().await.unwrap();
            });
        }
        until("eight chunks", || count.get() == 8).await;
        let turns = figures().dry;
        sleep(Duration::from_millis(50)).await;
        assert_eq!((count.get(), figures().dry), (8, turns), "no retry in vain");
        chunks.take().truncate(7);
        until("the parked two", || count.get() == 10).await;
        drop(theirs);
        chunks.take();
    });
}

#[test]
fn without_a_bounded_receive_a_stalled_reader_still_holds_its_cap_only() {
    for tuning in [Tuning::default(), one_shot()] {
        run(tuning, || async {
            let (stream, theirs) = tcp_pair();
            let upload = upload(theirs, 7, 1 << 20);
            let first = stream.recv().await.unwrap();
            // The sender goes on until the socket is full; the ring must have stopped before.
            sleep(Duration::from_millis(100)).await;
            assert!(held() <= u64::from(CONNECTION_CHUNKS_MAX), "{} buffers held", held());
            let rest = download(&stream, 7);
            assert_eq!(first.len() + rest.await, 1 << 20);
            upload.join().unwrap();
        });
    }
}

#[test]
fn an_older_kernels_refusal_of_the_bounded_receive_is_learnt_from() {
    run(Tuning::default(), || async {
        let (stream, mut theirs) = pair();
        with(|state| state.refuse_bounded_receive(stream.handle()));
        assert!(!with(|state| state.bounded_multishot).unwrap());
        theirs.write_all(b"one").unwrap();
        assert_eq!(&*stream.recv().await.unwrap(), b"one");
    });
}

#[test]
fn a_receive_that_misses_the_peers_leaving_is_begun_anew() {
    run(Tuning::default(), || async {
        for resets in [false, true] {
            let (stream, mut theirs) = tcp_pair();
            let (elsewhere, _other) = UnixStream::pair().unwrap();
            with(|state| state.arm_deaf(stream.handle(), types::Fd(elsewhere.as_raw_fd())));
            sleep(Duration::from_millis(1)).await;
            theirs.write_all(b"last").unwrap();
            if resets {
                SockRef::from(&theirs).set_linger(Some(Duration::ZERO)).unwrap();
            }
            drop(theirs);
            let chunk = either(stream.recv(), sleep(Duration::from_secs(10))).await;
            assert!(matches!(chunk, Either::Left(Ok(bytes)) if *bytes == *b"last"));
            let end = either(stream.recv(), sleep(Duration::from_secs(10))).await;
            match end {
                Either::Left(Ok(chunk)) => assert!(chunk.is_empty() && !resets),
                Either::Left(Err(error)) => {
                    assert!(resets && error.kind() == ErrorKind::ConnectionReset, "{error}");
                }
                Either::Right(()) => panic!("deaf; reset: {resets}"),
            }
        }
    });
}

#[test]
fn queues_of_a_few_entries_carry_a_crowd() {
    let depth = Depth { submissions: 4, completions: 8 };
    let gauges = run(Tuning { depth, ..Tuning::default() }, || async {
        let left = Rc::new(Cell::new(100));
        let mut theirs = Vec::new();
        for tag in 0..100 {
            let (stream, socket) = pair();
            theirs.push(socket);
            let left = left.clone();
            tasks::spawn(async move {
                for _ in 0..20 {
                    let chunk = stream.recv().await.unwrap();
                    assert_eq!(*chunk, [tag; 32]);
                    stream.send(Batch::from(chunk)).await.unwrap();
                }
                stream.flush().await.unwrap();
                left.set(left.get() - 1);
            });
        }
        let clients = std::thread::spawn(move || {
            for _ in 0..20 {
                for (tag, socket) in (0_u8..).zip(&mut theirs) {
                    socket.write_all(&[tag; 32]).unwrap();
                }
                for (tag, socket) in (0_u8..).zip(&mut theirs) {
                    let mut echo = [0; 32];
                    socket.read_exact(&mut echo).unwrap();
                    assert_eq!(echo, [tag; 32]);
                }
            }
        });
        until("every echo", || left.get() == 0).await;
        clients.join().unwrap();
        assert_eq!(with(|state| state.stale).unwrap(), 0);
    });
    assert!(gauges.ring_overflow.read() > 0, "the queue was not too small");
}

#[test]
fn a_send_cut_short_goes_on_where_it_stopped() {
    const BYTES: usize = 4 << 20;
    run(Tuning::default(), || async {
        let (stream, mut theirs) = pair();
        let mut all = HeadBuf::take();
        all.extend((0..BYTES).map(|i| (i / 1000) as u8));
        stream.send(Batch::from(all)).await.unwrap();
        let half = std::thread::spawn(move || {
            let mut half = vec![0; BYTES / 2];
            theirs.read_exact(&mut half).unwrap();
            (theirs, half)
        });
        // The socket is full now, and the kernel waits for room; then it is told not to.
        until("half", || half.is_finished()).await;
        let (mut theirs, half) = half.join().unwrap();
        sleep(Duration::from_millis(20)).await;
        with(|state| state.cut_send_short(stream.handle()));
        let rest = std::thread::spawn(move || {
            let mut rest = Vec::new();
            theirs.read_to_end(&mut rest).unwrap();
            rest
        });
        stream.finish().await.unwrap();
        until("the rest", || rest.is_finished()).await;
        let all = [half, rest.join().unwrap()].concat();
        assert_eq!(all.len(), BYTES);
        assert!(all.iter().enumerate().all(|(i, byte)| *byte == (i / 1000) as u8));
    });
}

#[test]
fn a_send_that_nobody_waits_for_costs_no_turn() {
    const EXCHANGES: u64 = 200;
    let gauges = run(Tuning::default(), || async {
        let (stream, mut theirs) = tcp_pair();
        std::thread::spawn(move || {
            for _ in 0..EXCHANGES {
                theirs.write_all(b"ping").unwrap();
                theirs.read_exact(&mut [0; 4]).unwrap();
            }
        });
        loop {
            let chunk = stream.recv().await.unwrap();
            if chunk.is_empty() {
                return;
            }
            stream.send(Batch::from(chunk)).await.unwrap();
        }
    });
    let one_each = Ring::new(Depth::default()).unwrap().waits_for_several();
    let turns_max = if one_each { EXCHANGES * 7 / 4 } else { EXCHANGES * 3 };
    assert!(gauges.turns.read() < turns_max, "{} turns", gauges.turns.read());
}

#[test]
fn a_send_that_is_stuck_holds_up_nobody_else() {
    run(Tuning::default(), || async {
        let (stuck, _reads_nothing) = tcp_pair();
        let (other, mut theirs) = tcp_pair();
        let mut sends = 0;
        loop {
            let mut bytes = HeadBuf::take();
            bytes.extend_from_slice(&[b'x'; 8 << 10]);
            let send = stuck.send(Batch::from(bytes));
            if matches!(either(send, sleep(Duration::from_millis(50))).await, Either::Right(())) {
                break;
            }
            sends += 1;
            theirs.write_all(b"ping").unwrap();
            let (began, late) = (Instant::now(), sleep(Duration::from_secs(10)));
            assert!(matches!(either(other.recv(), late).await, Either::Left(Ok(_))));
            assert!(began.elapsed() < Duration::from_secs(5), "late after {sends} sends");
        }
        assert!(sends > 0);
    });
}

#[test]
fn a_slot_is_small() {
    let stream = size_of::<Slot>() + size_of::<Stream>();
    assert!(stream <= 220, "{stream} bytes: slot {}", size_of::<Slot>());
}

#[test]
fn a_name_outlives_its_slot_but_finds_no_other() {
    let mut slots = Slots::default();
    let role = || Role::Stream(Connection::default());
    let fd = || UnixStream::pair().unwrap().0.into();
    let old = slots.adopt(fd(), role());
    slots.remove(old);
    let new = slots.adopt(fd(), role());
    assert!(slots.find(old).is_none() && slots.find(new).is_some());
    for op in [
        Op::Receive(Group::Small),
        Op::Receive(Group::Bulk),
        Op::Send,
        Op::Connect,
        Op::Accept,
        Op::Watch,
        Op::Cancel,
        Op::Close,
    ] {
        let token = Token::from_user_data(Token::new(new, op).user_data());
        assert_eq!((token.handle(), token.op()), (new, op));
    }
}

#[test]
fn a_crowd_that_runs_dry_in_one_turn_gets_what_it_needs_and_little_more() {
    let room = Room { small: 1024, bulk: 16, small_kept: 8, bulk_kept: 2 };
    let ring = Ring::new(Depth::default()).unwrap();
    let mut buffers = Buffers::new(&ring, room).unwrap();
    assert!((0..100).all(|_| buffers.ran_dry(Group::Small)));
    let total = buffers.figures().total;
    assert!((100..=160).contains(&total), "{total} buffers for a hundred");
}

#[test]
fn buffers_grow_in_need_and_shrink_in_peace() {
    let room = Room { small: 256, bulk: 16, small_kept: 8, bulk_kept: 2 };
    let ring = Ring::new(Depth::default()).unwrap();
    let mut buffers = Buffers::new(&ring, room).unwrap();
    let owner = Slots::default()
        .adopt(UnixStream::pair().unwrap().0.into(), Role::Stream(Connection::default()));
    let second = Duration::from_secs(1);
    let start = Instant::now();
    assert_eq!(buffers.next_trim(start), None, "nothing to give up");
    while buffers.ran_dry(Group::Small) {}
    let all: Vec<_> = (0..256).map(|bid| Buffer { group: Group::Small, bid }).collect();
    all.iter().for_each(|buffer| {
        buffers.taken(*buffer, owner, 1);
        // SAFETY: the buffer is ours; this is what makes it resident.
        unsafe { buffers.bytes(*buffer).0.write_bytes(7, 4096) };
    });
    assert_eq!((buffers.figures().held, buffers.resident_pages()), (256, 256));
    assert_eq!(buffers.next_trim(start), Some(start + second));
    all.iter().for_each(|buffer| assert_eq!(buffers.put(*buffer), Some(owner)));
    buffers.trim(start + second);
    // The peak was a moment ago: they stay. After a period of one use, each goes as it comes back.
    assert_eq!(buffers.figures().total, 256 + 2);
    buffers.taken(all[0], owner, 1);
    buffers.put(all[0]);
    let next = buffers.next_trim(start + second).unwrap();
    buffers.trim(next);
    for buffer in &all {
        buffers.taken(*buffer, owner, 1);
        buffers.put(*buffer);
    }
    let next = buffers.next_trim(next).unwrap();
    buffers.trim(next);
    assert_eq!(buffers.figures().total, 8 + 2);
    assert!(buffers.resident_pages() <= 8, "{} pages resident", buffers.resident_pages());
    assert_eq!(buffers.next_trim(next), None, "at peace, no wake-up");
}
