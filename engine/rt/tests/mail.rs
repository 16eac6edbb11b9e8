//! Mailboxes on both engines: no message is lost, and no wake.

#![allow(clippy::unwrap_used)]

mod common;

use std::sync::mpsc::channel;
use std::time::Duration;

use common::{head, on_both, on_core, pair, recv_exactly, start};
use rt::MailSender;

/// Sends with patience: a full box is tried again.
fn send_all(to: &MailSender<(usize, usize)>, from: usize, messages: usize) {
    for number in 0..messages {
        let mut message = (from, number);
        while let Err(back) = to.send(message) {
            message = back;
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_storm_from_many_threads_arrives_whole_and_in_order() {
    const SENDERS: usize = 4;
    const MESSAGES: usize = 20_000;
    on_both(|engine| {
        let (sender, mut inbox) = rt::mailbox(64);
        let threads: Vec<_> = (0..SENDERS)
            .map(|from| {
                let sender = sender.clone();
                std::thread::spawn(move || send_all(&sender, from, MESSAGES))
            })
            .collect();
        drop(sender);
        on_core(engine, move || async move {
            let mut next = [0; SENDERS];
            while let Some((from, number)) = inbox.recv().await {
                assert_eq!(number, next[from], "from {from}");
                next[from] += 1;
                if number % 64 == 0 {
                    rt::yield_now().await;
                }
            }
            assert_eq!(next, [MESSAGES; SENDERS]);
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// Each message is sent when the core has answered the one before, so that it sleeps each time: a
/// lost wake hangs.
#[test]
fn every_message_to_a_sleeping_core_wakes_it() {
    on_both(|engine| {
        let (sender, mut inbox) = rt::mailbox::<u32>(4);
        let (tell, told) = channel();
        let core = start(engine, move || async move {
            while let Some(number) = inbox.recv().await {
                tell.send(number).unwrap();
            }
        });
        for number in 0..2_000 {
            sender.send(number).unwrap();
            assert_eq!(told.recv_timeout(Duration::from_secs(30)), Ok(number));
        }
        drop(sender);
        core.join().unwrap();
    });
}

#[test]
fn mail_reaches_a_core_that_is_busy_with_streams() {
    on_both(|engine| {
        let (sender, mut inbox) = rt::mailbox::<u32>(4);
        let (tell, told) = channel();
        let core = start(engine, move || async move {
            let (client, server) = pair().await;
            rt::spawn(async move {
                loop {
                    client.send(head(b"ping").into()).await.unwrap();
                    recv_exactly(&server, 4).await;
                }
            });
            while let Some(number) = inbox.recv().await {
                tell.send(number).unwrap();
            }
        });
        for number in 0..200 {
            sender.send(number).unwrap();
            assert_eq!(told.recv_timeout(Duration::from_secs(30)), Ok(number));
        }
        drop(sender);
        core.join().unwrap();
    });
}

#[test]
fn a_receive_that_is_dropped_loses_no_message() {
    on_both(|engine| {
        let (sender, mut inbox) = rt::mailbox::<u32>(1_000);
        let thread = std::thread::spawn(move || (0..1_000).for_each(|n| sender.send(n).unwrap()));
        on_core(engine, move || async move {
            let mut next = 0;
            for round in 0.. {
                let patience = async {
                    for _ in 0..round % 3 {
                        rt::yield_now().await;
                    }
                };
                match rt::either(inbox.recv(), patience).await {
                    rt::Either::Left(Some(number)) => {
                        assert_eq!(number, next);
                        next += 1;
                    }
                    rt::Either::Left(None) => break,
                    rt::Either::Right(()) => rt::yield_now().await,
                }
            }
            assert_eq!(next, 1_000);
        });
        thread.join().unwrap();
    });
}

#[test]
fn a_full_box_and_a_deserted_one_give_the_message_back() {
    let (sender, inbox) = rt::mailbox::<&str>(2);
    assert_eq!(sender.send("one"), Ok(()));
    assert_eq!(sender.send("two"), Ok(()));
    assert_eq!(sender.send("three"), Err("three"));
    drop(inbox);
    assert_eq!(sender.send("four"), Err("four"));
}

/// What the debug check is for: a wake from another thread would be lost until the core's next
/// completion.
#[test]
#[cfg(debug_assertions)]
fn a_waker_that_leaves_its_core_is_caught() {
    use std::task::{Poll, Waker};
    on_both(|engine| {
        let (tell, told) = channel::<Waker>();
        let (go, mut wait) = rt::mailbox::<()>(1);
        let core = start(engine, move || async move {
            std::future::poll_fn(|cx| {
                tell.send(cx.waker().clone()).unwrap();
                Poll::Ready(())
            })
            .await;
            wait.recv().await;
        });
        let astray = told.recv().unwrap();
        let caught =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| astray.wake_by_ref()));
        assert!(caught.is_err(), "woken from afar on {engine:?}");
        drop(astray);
        go.send(()).unwrap();
        core.join().unwrap();
    });
}
