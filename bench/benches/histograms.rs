//! Times the subjects of `histograms`: `cargo bench -p bench --bench histograms`.

use bench::subjects;
use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for subject in subjects::of_group("histograms") {
        let mut work = (subject.prepare)();
        criterion.bench_function(subject.name, |bencher| bencher.iter(&mut work));
    }
    criterion.final_summary();
}
