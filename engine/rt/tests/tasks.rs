//! Cores and their tasks on both engines: a panic ends one task, a core's end ends all.

#![allow(clippy::unwrap_used)]

mod common;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::mpsc::channel;

use common::{head, on_both, on_core, pair, recv_exactly, start};
use rt::{CoreId, CoreSpec, StartError};

#[test]
fn a_panic_in_one_task_leaves_the_others_alive_and_is_counted() {
    on_both(|engine| {
        let (tell, told) = channel();
        let (go, wait) = rt::mailbox::<()>(1);
        let core = start(engine, move || async move {
            let (client, server) = pair().await;
            rt::spawn(async move {
                let chunk = server.recv().await.unwrap();
                server.send(chunk.into()).await.unwrap();
            });
            rt::spawn(async { panic!("at the first poll") });
            rt::spawn(async {
                rt::yield_now().await;
                panic!("later");
            });
            for _ in 0..4 {
                rt::yield_now().await;
            }
            client.send(head(b"alive?").into()).await.unwrap();
            recv_exactly(&client, 6).await;
            tell.send(()).unwrap();
            let mut wait = wait;
            wait.recv().await;
        });
        told.recv().expect("the core survives its tasks");
        assert_eq!(core.gauges().task_panics.read(), 2);
        go.send(()).unwrap();
        core.join().unwrap();
    });
}

#[test]
fn a_future_that_panics_again_when_dropped_ends_no_more_than_its_task() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("in a destructor");
            }
        }
    }
    on_both(|engine| {
        on_core(engine, || async {
            rt::spawn(async {
                let _bomb = Bomb;
                rt::yield_now().await;
            });
            for _ in 0..4 {
                rt::yield_now().await;
            }
        });
    });
}

#[test]
fn a_core_that_dies_tells_why() {
    on_both(|engine| {
        let core = start(engine, || async {
            rt::yield_now().await;
            panic!("the core's own {}", "fault");
        });
        assert_eq!(core.join(), Err("the core's own fault".to_owned()));
    });
}

#[test]
fn a_core_that_ends_drops_its_tasks() {
    struct Told(std::sync::mpsc::Sender<&'static str>);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.send("dropped").unwrap();
        }
    }
    on_both(|engine| {
        let (tell, told) = channel();
        on_core(engine, move || async move {
            rt::spawn(async move {
                let _told = Told(tell);
                let (client, _server) = pair().await;
                let _ = client.recv().await;
            });
            rt::sleep(std::time::Duration::from_millis(1)).await;
        });
        assert_eq!(told.recv(), Ok("dropped"));
    });
}

#[test]
fn tasks_take_turns() {
    on_both(|engine| {
        on_core(engine, || async {
            let order = Rc::new(RefCell::new(Vec::new()));
            let running = Rc::new(Cell::new(3));
            for name in 0..3 {
                let (order, running) = (order.clone(), running.clone());
                rt::spawn(async move {
                    for _ in 0..3 {
                        order.borrow_mut().push(name);
                        rt::yield_now().await;
                    }
                    running.set(running.get() - 1);
                });
            }
            while running.get() > 0 {
                rt::yield_now().await;
            }
            assert_eq!(*order.borrow(), [0, 1, 2, 0, 1, 2, 0, 1, 2]);
        });
    });
}

#[test]
fn a_task_that_always_runs_starves_neither_sockets_nor_timers() {
    on_both(|engine| {
        on_core(engine, || async {
            let over = Rc::new(Cell::new(false));
            let spinning = over.clone();
            rt::spawn(async move {
                while !spinning.get() {
                    rt::yield_now().await;
                }
            });
            let (client, server) = pair().await;
            client.send(head(b"x").into()).await.unwrap();
            recv_exactly(&server, 1).await;
            rt::sleep(std::time::Duration::from_millis(2)).await;
            over.set(true);
        });
    });
}

#[test]
fn a_core_is_named_and_pinned_as_asked() {
    on_both(|engine| {
        let cpu = rt::workers_available().cpus[0];
        let (tell, told) = channel();
        let spec = CoreSpec { id: CoreId(7), engine, cpu: Some(cpu) };
        let core = rt::start_core(spec, move || async move {
            let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
            let allowed = status.lines().find(|line| line.starts_with("Cpus_allowed_list:"));
            let name = std::thread::current().name().map(str::to_owned);
            tell.send((name, allowed.map(str::to_owned))).unwrap();
        });
        core.unwrap().join().unwrap();
        let (name, allowed) = told.recv().unwrap();
        assert_eq!(name.as_deref(), Some("core-7"));
        assert_eq!(allowed, Some(format!("Cpus_allowed_list:\t{cpu}")));
    });
}

#[test]
fn a_processor_that_is_not_there_is_a_start_error() {
    on_both(|engine| {
        for cpu in [1023, 1 << 20] {
            let spec = CoreSpec { id: CoreId(0), engine, cpu: Some(cpu) };
            let error = rt::start_core(spec, || async {}).unwrap_err();
            assert!(matches!(error, StartError::Pin(named, _) if named == cpu), "{error}");
        }
    });
}

#[test]
fn both_and_either_give_what_their_halves_gave() {
    on_both(|engine| {
        on_core(engine, || async {
            let slow = async {
                rt::yield_now().await;
                1
            };
            assert_eq!(rt::both(slow, async { "two" }).await, (1, "two"));
            let never = std::future::pending::<()>();
            assert_eq!(rt::either(never, async { 3 }).await, rt::Either::Right(3));
            let tie = rt::either(async { 4 }, async { 5 }).await;
            assert_eq!(tie, rt::Either::Left(4), "the first wins a tie");
        });
    });
}
