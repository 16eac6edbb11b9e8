//! The latency curve as an SVG: percentile against latency, both logarithmic, one line per proxy.

use std::fmt::Write;

use crate::peers::Proxy;
use crate::versus::sheet::Sheet;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 170.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;

/// Percentiles with a tick of their own.
const TICKS: [f64; 6] = [50.0, 90.0, 99.0, 99.9, 99.95, 99.99];

/// The chart of the sheet's open-loop latencies at `rate` requests a second.
pub fn latency_curve(sheet: &Sheet, rate: u32) -> String {
    let curves: Vec<(Proxy, Vec<(f64, f64)>)> = sheet
        .proxies
        .iter()
        .filter_map(|&proxy| Some((proxy, sheet.latencies(proxy)?.curve())))
        .filter(|(_, curve)| curve.len() > 1)
        .collect();
    draw(&curves, rate)
}

/// Where percentiles and latencies lie.
struct Scale {
    /// log10 of the latency at the bottom and at the top, whole numbers.
    decades: (f64, f64),
    /// The percentile at the right edge.
    last: f64,
}

impl Scale {
    fn of(curves: &[(Proxy, Vec<(f64, f64)>)]) -> Self {
        let points = || curves.iter().flat_map(|(_, curve)| curve);
        let lowest = points().map(|&(_, us)| us).fold(f64::INFINITY, f64::min);
        let highest = points().map(|&(_, us)| us).fold(1.0, f64::max);
        let last = points().map(|&(percentile, _)| percentile).fold(90.0, f64::max);
        let bottom = lowest.clamp(1.0, highest).log10().floor();
        Self { decades: (bottom, highest.log10().ceil().max(bottom + 1.0)), last }
    }

    /// Each nine takes the same width.
    fn x(&self, percentile: f64) -> f64 {
        let nines = |percentile: f64| -(1.0 - percentile / 100.0).log10();
        LEFT + (WIDTH - LEFT - RIGHT) * nines(percentile) / nines(self.last)
    }

    fn y(&self, us: f64) -> f64 {
        let (bottom, top) = self.decades;
        HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (us.max(1.0).log10() - bottom) / (top - bottom)
    }
}

fn draw(curves: &[(Proxy, Vec<(f64, f64)>)], rate: u32) -> String {
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"15\">Latency at {rate} requests a second, open \
         loop</text>\n"
    );
    if curves.is_empty() {
        text(&mut out, LEFT, HEIGHT / 2.0, "start", "nothing was measured");
    } else {
        let scale = Scale::of(curves);
        grid(&mut out, &scale);
        for (index, (proxy, curve)) in curves.iter().enumerate() {
            line(&mut out, &scale, *proxy, curve);
            legend(&mut out, index, *proxy);
        }
    }
    out.push_str("</svg>\n");
    out
}

fn grid(out: &mut String, scale: &Scale) {
    let (left, right) = (LEFT, WIDTH - RIGHT);
    let (bottom, top) = scale.decades;
    let mut decade = bottom;
    while decade <= top {
        let us = 10_f64.powf(decade);
        let y = scale.y(us);
        segment(out, (left, y), (right, y));
        let label = if us < 1000.0 { format!("{us:.0} µs") } else { format!("{} ms", us / 1e3) };
        text(out, left - 6.0, y + 4.0, "end", &label);
        decade += 1.0;
    }
    for percentile in TICKS.into_iter().filter(|&tick| tick <= scale.last) {
        let x = scale.x(percentile);
        segment(out, (x, TOP), (x, HEIGHT - BOTTOM));
        text(out, x, HEIGHT - BOTTOM + 18.0, "middle", &format!("p{percentile}"));
    }
}

fn line(out: &mut String, scale: &Scale, proxy: Proxy, curve: &[(f64, f64)]) {
    let points: Vec<String> = curve
        .iter()
        .map(|&(percentile, us)| format!("{:.1},{:.1}", scale.x(percentile), scale.y(us)))
        .collect();
    let (colour, dash) = style(proxy);
    writeln!(
        out,
        "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dash} points=\"{}\"/>",
        points.join(" ")
    )
    .expect("a String takes all");
}

fn legend(out: &mut String, index: usize, proxy: Proxy) {
    let (x, y) = (WIDTH - RIGHT + 14.0, TOP + 10.0 + 20.0 * index as f64);
    let (colour, dash) = style(proxy);
    writeln!(
        out,
        "<line x1=\"{x}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\" stroke=\"{colour}\" \
         stroke-width=\"2\"{dash}/>",
        x + 22.0
    )
    .expect("a String takes all");
    text(out, x + 28.0, y + 4.0, "start", proxy.name());
}

/// Colours that people with any colour vision tell apart; the second of a pair is dashed.
fn style(proxy: Proxy) -> (&'static str, &'static str) {
    const DASH: &str = " stroke-dasharray=\"6 4\"";
    match proxy {
        Proxy::Floor => ("#999999", ""),
        Proxy::Uring => ("#0072b2", ""),
        Proxy::Epoll => ("#0072b2", DASH),
        Proxy::HaProxy => ("#009e73", ""),
        Proxy::Nginx => ("#e69f00", ""),
        Proxy::Envoy => ("#d55e00", ""),
        Proxy::EnvoyTuned => ("#d55e00", DASH),
    }
}

fn segment(out: &mut String, from: (f64, f64), to: (f64, f64)) {
    writeln!(
        out,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"#dddddd\"/>",
        from.0, from.1, to.0, to.1
    )
    .expect("a String takes all");
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, words: &str) {
    writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>")
        .expect("a String takes all");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve() -> Vec<(f64, f64)> {
        vec![(1.0, 100.0), (50.0, 200.0), (90.0, 1000.0), (99.0, 9000.0)]
    }

    #[test]
    fn a_curve_rises_to_the_right_and_stays_inside() {
        let curves = [(Proxy::Uring, curve())];
        let scale = Scale::of(&curves);
        assert_eq!(scale.decades, (2.0, 4.0));
        assert_eq!(scale.x(0.0), LEFT);
        assert!((scale.x(99.0) - (WIDTH - RIGHT)).abs() < 1e-9);
        assert!((scale.x(90.0) - f64::midpoint(scale.x(0.0), scale.x(99.0))).abs() < 1e-9);
        assert_eq!((scale.y(100.0), scale.y(10_000.0)), (HEIGHT - BOTTOM, TOP));
        let drawn = draw(&curves, 4000);
        assert_eq!(drawn.matches("<polyline").count(), 1);
        assert!(drawn.contains("Outrigger (io_uring)") && drawn.contains("4000 requests"));
    }

    #[test]
    fn nothing_measured_draws_no_line() {
        let drawn = draw(&[], 4000);
        assert!(!drawn.contains("<polyline") && drawn.contains("nothing was measured"));
    }
}
