//! Streams on both engines: what is sent arrives, ends are ends, failures are told.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::cell::Cell;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::unix::net::UnixListener;
use std::rc::Rc;
use std::time::Duration;

use common::{
    REFUSAL, beside, head, listen, on_both, on_core, pair, pair_with_plain, pattern, recv_exactly,
    recv_to_end,
};
use rt::{Address, Batch, Chunk, Either, Listener, Peer, Stream};

async fn echo(stream: Stream) {
    loop {
        let chunk = stream.recv().await.unwrap();
        if chunk.is_empty() {
            return stream.finish().await.unwrap();
        }
        stream.send(chunk.into()).await.unwrap();
    }
}

#[test]
fn what_is_sent_comes_back() {
    on_both(|engine| {
        on_core(engine, || async {
            let (client, server) = pair().await;
            rt::spawn(echo(server));
            for round in 0..100 {
                let bytes = pattern(round * 37 + 1);
                client.send(head(&bytes).into()).await.unwrap();
                assert_eq!(recv_exactly(&client, bytes.len()).await, bytes);
            }
        });
    });
}

#[test]
fn unix_sockets_carry_the_same() {
    on_both(|engine| {
        let path = std::env::temp_dir().join(format!("rt-{}-{engine:?}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let socket = UnixListener::bind(&path).unwrap();
        let address = Address::Unix(path.clone());
        on_core(engine, move || async move {
            let listener = Listener::new(socket.into(), REFUSAL).unwrap();
            let (client, server) = rt::both(Stream::connect(&address), listener.accept()).await;
            let (client, server) = (client.unwrap(), server.unwrap());
            assert_eq!((client.peer(), server.peer()), (&Peer::Unix, &Peer::Unix));
            rt::spawn(echo(server));
            client.send(head(b"over a path").into()).await.unwrap();
            client.finish().await.unwrap();
            assert_eq!(recv_to_end(&client).await, b"over a path");
        });
        std::fs::remove_file(&path).unwrap();
    });
}

#[test]
fn a_connect_to_a_full_queue_waits_for_its_turn() {
    const CLIENTS: usize = 5;
    on_both(|engine| {
        let path = std::env::temp_dir().join(format!("rt-full-{}-{engine:?}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let socket = UnixListener::bind(&path).unwrap();
        socket2::SockRef::from(&socket).listen(1).unwrap();
        let address = Address::Unix(path.clone());
        on_core(engine, move || async move {
            let connected = Rc::new(Cell::new(0));
            for _ in 0..CLIENTS {
                let (address, connected) = (address.clone(), connected.clone());
                rt::spawn(async move {
                    let stream = Stream::connect(&address).await.unwrap();
                    connected.set(connected.get() + 1);
                    stream.send(head(b"here").into()).await.unwrap();
                    assert!(stream.recv().await.unwrap().is_empty());
                });
            }
            rt::sleep(Duration::from_millis(5)).await;
            assert!(connected.get() < CLIENTS, "the queue is short");
            let listener = Listener::new(socket.into(), REFUSAL).unwrap();
            for _ in 0..CLIENTS {
                let stream = listener.accept().await.unwrap();
                assert_eq!(recv_exactly(&stream, 4).await, b"here");
            }
            assert_eq!(connected.get(), CLIENTS);
        });
        std::fs::remove_file(&path).unwrap();
    });
}

#[test]
fn a_peer_that_ended_its_side_can_still_be_answered() {
    on_both(|engine| {
        on_core(engine, || async {
            let (client, server) = pair().await;
            client.send(head(b"question").into()).await.unwrap();
            client.finish().await.unwrap();
            assert_eq!(recv_to_end(&server).await, b"question");
            assert!(server.recv().await.unwrap().is_empty(), "an end stays an end");
            server.send(head(b"answer").into()).await.unwrap();
            server.finish().await.unwrap();
            assert_eq!(recv_to_end(&client).await, b"answer");
        });
    });
}

#[test]
fn both_directions_stream_at_once_through_short_buffers() {
    const BYTES: usize = 3 << 20;
    on_both(|engine| {
        on_core(engine, || async {
            let socket = TcpListener::bind("127.0.0.1:0").unwrap();
            let short = socket2::SockRef::from(&socket);
            short.set_recv_buffer_size(4 << 10).unwrap();
            short.set_send_buffer_size(4 << 10).unwrap();
            let address = Address::Inet(socket.local_addr().unwrap());
            let listener = Listener::new(socket.into(), REFUSAL).unwrap();
            let (a, b) = rt::both(Stream::connect(&address), listener.accept()).await;
            let (a, b) = (Rc::new(a.unwrap()), Rc::new(b.unwrap()));
            a.hint_bulk(BYTES as u64);
            for stream in [a.clone(), b.clone()] {
                rt::spawn(async move {
                    for (i, part) in pattern(BYTES).chunks(50_000).enumerate() {
                        let (first, rest) = part.split_at(i % part.len());
                        let batch = Batch::new().push(head(first)).push(head(rest));
                        stream.send(batch).await.unwrap();
                    }
                    stream.finish().await.unwrap();
                });
            }
            let (at_a, at_b) = rt::both(recv_to_end(&a), recv_to_end(&b)).await;
            assert!(at_a == pattern(BYTES) && at_b == pattern(BYTES));
        });
    });
}

#[test]
fn a_batch_arrives_in_order_whatever_it_is_made_of() {
    on_both(|engine| {
        on_core(engine, || async {
            let (client, server) = pair().await;
            client.send(head(b"-received-").into()).await.unwrap();
            let received = server.recv().await.unwrap();
            let mut batch = Batch::new()
                .push(head(b"head"))
                .push(received)
                .push(b"static".as_slice())
                .push(Chunk::empty())
                .push(Chunk::copy_of(b"-copied-"));
            batch.add(head(b"fifth"));
            batch.add(b"-sixth".as_slice());
            assert_eq!(batch.len(), 39);
            server.send(batch).await.unwrap();
            server.send(Batch::new()).await.unwrap();
            server.finish().await.unwrap();
            assert_eq!(recv_to_end(&client).await, b"head-received-static-copied-fifth-sixth");
        });
    });
}

#[test]
fn a_refused_connect_says_so() {
    on_both(|engine| {
        on_core(engine, || async {
            let socket = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = Address::Inet(socket.local_addr().unwrap());
            drop(socket);
            let refused = Stream::connect(&address).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
            let nowhere = Address::Unix("/nonexistent/socket".into());
            assert_eq!(Stream::connect(&nowhere).await.unwrap_err().kind(), ErrorKind::NotFound);
        });
    });
}

#[test]
fn dropping_a_receive_at_any_moment_loses_no_byte() {
    const BYTES: usize = 200_000;
    on_both(|engine| {
        on_core(engine, || async {
            let (client, server) = pair().await;
            rt::spawn(async move {
                for (i, part) in pattern(BYTES).chunks(777).enumerate() {
                    server.send(head(part).into()).await.unwrap();
                    for _ in 0..i % 5 {
                        rt::yield_now().await;
                    }
                }
                server.finish().await.unwrap();
            });
            let mut all = Vec::new();
            for round in 0.. {
                let patience = async {
                    for _ in 0..round % 4 {
                        rt::yield_now().await;
                    }
                };
                match rt::either(client.recv(), patience).await {
                    Either::Left(chunk) => {
                        let chunk = chunk.unwrap();
                        if chunk.is_empty() {
                            break;
                        }
                        all.extend_from_slice(&chunk);
                    }
                    Either::Right(()) => rt::yield_now().await,
                }
            }
            assert!(all == pattern(BYTES), "{} of {BYTES} bytes", all.len());
        });
    });
}

#[test]
fn an_accept_that_is_dropped_loses_no_connection() {
    on_both(|engine| {
        on_core(engine, || async {
            let (listener, address) = listen();
            let mut clients = Vec::new();
            for round in 0..20 {
                clients.push(std::net::TcpStream::connect(address).unwrap());
                let patience = async {
                    for _ in 0..round % 4 {
                        rt::yield_now().await;
                    }
                };
                let _ = rt::either(std::pin::pin!(listener.accept()), patience).await;
            }
            drop(clients);
            let mut last = std::net::TcpStream::connect(address).unwrap();
            last.write_all(b"last").unwrap();
            loop {
                let stream = listener.accept().await.unwrap();
                if *stream.recv().await.unwrap() == *b"last" {
                    break;
                }
            }
        });
    });
}

#[test]
fn a_drained_listener_hands_out_what_is_queued_and_then_nothing() {
    on_both(|engine| {
        on_core(engine, || async {
            let (listener, address) = listen();
            let first = std::net::TcpStream::connect(address).unwrap();
            let accepted = listener.accept().await.unwrap();
            let queued: Vec<_> =
                (0..5).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
            let mut drained = 0;
            while let Some(stream) = listener.drain().await.unwrap() {
                stream.send(head(b"served").into()).await.unwrap();
                stream.finish().await.unwrap();
                drained += 1;
            }
            assert_eq!(drained, 5);
            drop(listener);
            for mut client in queued {
                let mut text = String::new();
                client.read_to_string(&mut text).unwrap();
                assert_eq!(text, "served");
            }
            drop((first, accepted));
        });
    });
}

#[test]
fn a_stream_is_quiet_until_bytes_an_end_or_a_reset_arrive() {
    on_both(|engine| {
        on_core(engine, || async {
            for event in ["bytes", "end", "reset"] {
                let (stream, mut plain) = pair_with_plain().await;
                plain.write_all(b"first").unwrap();
                recv_exactly(&stream, 5).await;
                stream.send(head(b"reply").into()).await.unwrap();
                stream.flush().await.unwrap();
                plain.read_exact(&mut [0; 5]).unwrap();
                rt::yield_now().await;
                assert!(stream.is_quiet(), "before {event}");
                let mut plain = Some(plain);
                let open = plain.as_mut().unwrap();
                match event {
                    "bytes" => open.write_all(b"unasked").unwrap(),
                    "end" => open.shutdown(Shutdown::Write).unwrap(),
                    _ => {
                        let socket = socket2::SockRef::from(&*open);
                        socket.set_linger(Some(Duration::ZERO)).unwrap();
                        plain = None;
                    }
                }
                // Loopback delivers at once; the engine has a turn to see it.
                rt::sleep(Duration::from_millis(1)).await;
                assert!(!stream.is_quiet(), "after {event}");
                drop(plain);
            }
        });
    });
}

#[test]
fn bytes_and_a_reset_that_come_in_one_turn_are_both_seen() {
    on_both(|engine| {
        on_core(engine, || async {
            for received_before in [false, true] {
                let (stream, mut plain) = pair_with_plain().await;
                if received_before {
                    plain.write_all(b"first").unwrap();
                    recv_exactly(&stream, 5).await;
                    rt::sleep(Duration::from_millis(1)).await;
                }
                // This thread is the core, so it looks at the socket only after both.
                plain.write_all(b"last").unwrap();
                socket2::SockRef::from(&plain).set_linger(Some(Duration::ZERO)).unwrap();
                drop(plain);
                assert_eq!(recv_exactly(&stream, 4).await, b"last");
                let late = rt::sleep(Duration::from_secs(10));
                match rt::either(stream.recv(), late).await {
                    Either::Left(end) => assert!(!end.is_ok_and(|chunk| !chunk.is_empty())),
                    Either::Right(()) => panic!("the reset is never seen"),
                }
            }
        });
    });
}

#[test]
fn an_aborted_stream_resets_its_peer() {
    on_both(|engine| {
        on_core(engine, || async {
            let (stream, mut plain) = pair_with_plain().await;
            stream.abort();
            let read = beside(move || plain.read(&mut [0; 1])).await;
            assert_eq!(read.unwrap_err().kind(), ErrorKind::ConnectionReset);
        });
    });
}

#[test]
fn a_dropped_stream_ends_its_peer_in_order() {
    on_both(|engine| {
        on_core(engine, || async {
            let (stream, mut plain) = pair_with_plain().await;
            stream.send(head(b"last words").into()).await.unwrap();
            stream.flush().await.unwrap();
            drop(stream);
            let mut text = String::new();
            let read = beside(move || plain.read_to_string(&mut text).map(|_| text)).await;
            assert_eq!(read.unwrap(), "last words");
        });
    });
}

#[test]
fn a_send_to_a_reset_peer_fails_soon() {
    on_both(|engine| {
        on_core(engine, || async {
            let (stream, plain) = pair_with_plain().await;
            socket2::SockRef::from(&plain).set_linger(Some(Duration::ZERO)).unwrap();
            drop(plain);
            let mut attempts = 0;
            let error = loop {
                attempts += 1;
                assert!(attempts < 10, "sends to nobody go on succeeding");
                if let Err(error) = stream.send(head(b"anybody?").into()).await {
                    break error;
                }
                if let Err(error) = stream.flush().await {
                    break error;
                }
            };
            let gone = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
            assert!(gone.contains(&error.kind()), "{error}");
        });
    });
}

#[test]
fn a_send_waits_for_a_slow_reader_and_others_run_meanwhile() {
    on_both(|engine| {
        on_core(engine, || async {
            let (stream, mut plain) = pair_with_plain().await;
            let bytes = pattern(16 << 20);
            let sent = Rc::new(Cell::new(false));
            let (expected, told) = (bytes.clone(), sent.clone());
            rt::spawn(async move {
                for part in bytes.chunks(1 << 20) {
                    stream.send(head(part).into()).await.unwrap();
                }
                stream.flush().await.unwrap();
                told.set(true);
            });
            for _ in 0..50 {
                rt::yield_now().await;
            }
            assert!(!sent.get(), "16 MiB do not fit the kernel's buffers");
            let mut all = Vec::new();
            let read = beside(move || plain.read_to_end(&mut all).map(|_| all)).await;
            assert!(sent.get());
            assert!(read.unwrap() == expected);
        });
    });
}

#[test]
fn peers_know_each_other() {
    on_both(|engine| {
        on_core(engine, || async {
            let (client, server) = pair().await;
            assert_eq!(*client.peer(), server.local().unwrap());
            assert_eq!(*server.peer(), client.local().unwrap());
        });
    });
}
