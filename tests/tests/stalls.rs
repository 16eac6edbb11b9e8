//! One stalled client must cost the others nothing: DESIGN §3's first rule.
//!
//! Alone in its file, as it measures: cargo runs test files one after another. Two proxies are
//! asked in turns, request by request, so that a noisy machine is as noisy for both; and of many
//! short rounds the quietest tenth is compared, as a starved proxy has no quiet round.

use std::time::{Duration, Instant};

use tests::{Engine, Origin, Peer, Proxy, Setup, on_both_engines, origin, to_origin};

/// p99 beside the stalled uploads, as a multiple of p99 without.
const RATIO_MAX: f64 = 1.5;
const STALLED: usize = 100;
/// Noise only ever adds, and it may stay with one process: the best of so many pairs is judged.
const PAIRS: usize = 3;
const ROUNDS: usize = 60;
/// In a round, of each proxy.
const REQUESTS: usize = 100;
const CONNECTIONS: usize = 4;

#[test]
fn a_hundred_stalled_uploads_leave_the_other_clients_p99_alone() {
    on_both_engines(|engine| {
        let mut seen = Vec::new();
        for _ in 0..PAIRS {
            let [alone, beside] = measured(engine);
            if beside.as_secs_f64() <= RATIO_MAX * alone.as_secs_f64() {
                return;
            }
            seen.push(format!("{beside:?} beside stalls, {alone:?} without"));
        }
        panic!("p99: {seen:?}");
    });
}

/// p99 of a proxy without stalls, and of one with.
fn measured(engine: Engine) -> [Duration; 2] {
    let (alone, beside) = (Scene::new(engine), Scene::new(engine));
    let stalled: Vec<Peer> = (0..STALLED).map(|_| stalled_upload(&beside.proxy)).collect();
    let p99s = p99_in_turns([&alone.proxy, &beside.proxy]);
    drop(stalled);
    p99s
}

struct Scene {
    proxy: Proxy,
    _origin: Origin,
}

impl Scene {
    /// An origin that reads no body of a POST, and a proxy of one worker.
    fn new(engine: Engine) -> Scene {
        let origin = Origin::scripted(|peer, _| {
            while let Some(head) = peer.next_head() {
                match head.method() {
                    "POST" => return peer.hold(),
                    _ => drop(peer.try_send(&origin::ok("ok"))),
                }
            }
        });
        let proxy = Setup::new(engine).workers(1).start(&to_origin(&origin));
        Scene { proxy, _origin: origin }
    }
}

/// A client that has sent until nobody took more.
fn stalled_upload(proxy: &Proxy) -> Peer {
    let mut client = proxy.client();
    let options = client.socket().options();
    let _ = options.set_send_buffer_size(64 << 10);
    let _ = options.set_write_timeout(Some(Duration::from_millis(20)));
    client.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 1000000000\r\n\r\n");
    while client.try_send(&[b'x'; 64 << 10]).is_ok() {}
    client
}

/// Asks the proxies in turns; the p99 of each in a quiet round.
fn p99_in_turns(proxies: [&Proxy; 2]) -> [Duration; 2] {
    let mut clients =
        proxies.map(|proxy| -> Vec<Peer> { (0..CONNECTIONS).map(|_| proxy.client()).collect() });
    let mut rounds = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        let mut times = [Vec::new(), Vec::new()];
        for number in 0..REQUESTS {
            for (clients, times) in clients.iter_mut().zip(&mut times) {
                times.push(exchange(&mut clients[number % CONNECTIONS]));
            }
        }
        for (rounds, times) in rounds.iter_mut().zip(times) {
            rounds.push(quantile(times, 0.99));
        }
    }
    rounds.map(|p99s| quantile(p99s, 0.1))
}

fn exchange(client: &mut Peer) -> Duration {
    let started = Instant::now();
    let answer = client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n").response();
    assert_eq!(answer.status(), 200, "{answer}");
    started.elapsed()
}

fn quantile(mut times: Vec<Duration>, share: f64) -> Duration {
    times.sort_unstable();
    times[(times.len() as f64 * share) as usize]
}
