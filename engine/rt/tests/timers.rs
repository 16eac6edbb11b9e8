//! Timers on both engines: never early, in order, cheap in numbers, silent when idle.

#![allow(clippy::unwrap_used)]

mod common;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use common::{on_both, on_core, pair, start};
use rt::{Elapsed, Timer};

const MS: Duration = Duration::from_millis(1);

#[test]
fn timers_fire_in_the_order_of_their_deadlines_and_never_early() {
    on_both(|engine| {
        on_core(engine, || async {
            let fired = Rc::new(RefCell::new(Vec::new()));
            let begin = rt::now();
            for after in [70, 3, 150, 9, 64, 1, 65, 0, 128] {
                let fired = fired.clone();
                rt::spawn(async move {
                    rt::sleep_until(begin + MS * after).await;
                    assert!(Instant::now() >= begin + MS * after, "{after} ms came early");
                    fired.borrow_mut().push(after);
                });
            }
            rt::sleep_until(begin + MS * 160).await;
            assert_eq!(*fired.borrow(), [0, 1, 3, 9, 64, 65, 70, 128, 150]);
        });
    });
}

#[test]
fn ten_thousand_timers_all_fire() {
    on_both(|engine| {
        on_core(engine, || async {
            let left = Rc::new(Cell::new(10_000));
            let begin = rt::now();
            for i in 0..10_000u32 {
                let left = left.clone();
                rt::spawn(async move {
                    rt::sleep_until(begin + MS * (i * 7919 % 300)).await;
                    left.set(left.get() - 1);
                });
            }
            rt::sleep_until(begin + MS * 300).await;
            while left.get() > 0 {
                rt::sleep(MS).await;
            }
        });
    });
}

#[test]
fn a_race_is_won_by_what_is_ready_and_lost_at_the_deadline() {
    on_both(|engine| {
        on_core(engine, || async {
            let timer = Timer::new();
            let never = || std::future::pending::<()>();
            timer.set(rt::now());
            assert_eq!(timer.race(async { 1 }).await, Ok(1), "ready beats elapsed");
            assert_eq!(timer.race(never()).await, Err(Elapsed));
            let begin = rt::now();
            timer.set(begin + MS * 20);
            assert_eq!(timer.race(never()).await, Err(Elapsed));
            assert!(Instant::now() >= begin + MS * 20);
            timer.clear();
            assert_eq!(
                timer.race(rt::sleep(MS * 3)).await,
                Ok(()),
                "a cleared timer elapses never"
            );
        });
    });
}

#[test]
fn a_deadline_may_be_moved_while_it_is_raced() {
    on_both(|engine| {
        on_core(engine, || async {
            let timer = Timer::new();
            // What is raced is polled before the deadline is looked at, so a late turn changes
            // nothing.
            let moves_it_to = async |at: Instant| {
                rt::yield_now().await;
                timer.set(at);
                std::future::pending::<()>().await;
            };
            let begin = rt::now();
            timer.set(begin + MS * 5);
            assert_eq!(timer.race(moves_it_to(begin + MS * 20)).await, Err(Elapsed));
            assert!(Instant::now() >= begin + MS * 20, "moved later");

            let begin = rt::now();
            timer.set(begin + MS * 3_600_000);
            assert_eq!(
                timer.race(moves_it_to(begin + MS * 5)).await,
                Err(Elapsed),
                "moved earlier"
            );
        });
    });
}

/// Over a second in which a hundred connections wait with a minute's deadline, a core may turn ten
/// times.
#[test]
fn an_idle_core_makes_no_needless_wake_ups() {
    on_both(|engine| {
        let (tell, told) = channel();
        let (go, mut wait) = rt::mailbox::<()>(1);
        let core = start(engine, move || async move {
            for _ in 0..100 {
                let (client, server) = pair().await;
                rt::spawn(async move {
                    let timer = Timer::new();
                    timer.set(rt::now() + Duration::from_secs(60));
                    let _server = server;
                    let _ = timer.race(client.recv()).await;
                });
            }
            // What was pooled is given back within seconds; then all is quiet.
            rt::sleep(Duration::from_secs(3)).await;
            tell.send(()).unwrap();
            wait.recv().await;
        });
        told.recv().unwrap();
        let before = core.gauges().turns.read();
        std::thread::sleep(Duration::from_secs(1));
        let turns = core.gauges().turns.read() - before;
        go.send(()).unwrap();
        core.join().unwrap();
        assert!(turns < 10, "{turns} turns in an idle second on {engine:?}");
    });
}
