//! What is in use: added up over the cores, replaced by each one's next word, and bounded.

use crate::world::{names, snapshot, upstream};
use signals::{Generation, Level, Levels, SERIES_MAX, Tally, Totals, UpstreamAt};

const NAMES: [&str; 2] = ["a", "b"];

fn at(name: &str) -> UpstreamAt {
    let upstream = upstream(&snapshot(["first", "second"], NAMES), name);
    UpstreamAt { generation: Generation(1), upstream }
}

/// So many connections, and half as many requests, of 4 that this core may have.
fn levels(connections: u32) -> Levels {
    Levels {
        connections: Level::of(connections, 4),
        pending: Level::of(0, 4),
        requests: Level::of(connections / 2, 4),
    }
}

/// `core` says what it has at these upstreams.
fn say(totals: &mut Totals, core: u16, what: &[(&str, u32)]) {
    let names = names(&snapshot(["first", "second"], NAMES));
    let mut tally = Tally::new(SERIES_MAX);
    for (name, connections) in what {
        tally.note(at(name), levels(*connections));
    }
    totals.take_levels(core, &tally, &names);
    totals.merge(&mut tally, &names, 0);
}

/// Upstream, connections, cores at the limit, idle.
fn shown(totals: &Totals) -> Vec<(&str, u64, u64, u64)> {
    let row = |(name, levels): (_, Levels)| {
        (name, levels.connections.in_use, levels.connections.reached, levels.idle())
    };
    totals.levels().map(row).collect()
}

#[test]
fn cores_are_added_up() {
    let mut totals = Totals::new(SERIES_MAX);
    say(&mut totals, 0, &[("a", 4), ("b", 1)]);
    say(&mut totals, 1, &[("a", 2)]);
    assert_eq!(shown(&totals), [("a", 6, 1, 3), ("b", 1, 0, 1)]);
}

#[test]
fn a_core_s_next_word_replaces_its_last_and_silence_forgets() {
    let mut totals = Totals::new(SERIES_MAX);
    say(&mut totals, 0, &[("a", 4), ("b", 1)]);
    say(&mut totals, 1, &[("a", 2)]);
    say(&mut totals, 0, &[("a", 0)]);
    assert_eq!(shown(&totals), [("a", 2, 0, 1)]);
    say(&mut totals, 0, &[]);
    say(&mut totals, 1, &[]);
    assert_eq!((shown(&totals).len(), totals.lines()), (0, 0));
}

#[test]
fn levels_are_bounded_and_what_finds_no_room_is_counted() {
    let mut totals = Totals::new(15);
    say(&mut totals, 0, &[("a", 1), ("b", 1)]);
    assert_eq!(shown(&totals).len(), 1);
    assert_eq!(totals.dropped().levels, 1);
    let mut tally = Tally::new(15);
    tally.note(at("a"), levels(1));
    tally.note(at("b"), levels(1));
    let names = names(&snapshot(["first", "second"], NAMES));
    let mut totals = Totals::new(SERIES_MAX);
    totals.take_levels(0, &tally, &names);
    totals.merge(&mut tally, &names, 0);
    assert_eq!((shown(&totals).len(), totals.dropped().levels), (1, 1));
}
