//! Times the subjects of `codec`: `cargo bench -p bench --bench codec`.

use bench::subjects;
use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for subject in subjects::of_group("codec") {
        let mut work = (subject.prepare)();
        criterion.bench_function(subject.name, |bencher| bencher.iter(&mut work));
    }
    criterion.final_summary();
}
