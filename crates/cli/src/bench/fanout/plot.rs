//! The result as a drawing: server time for a send over the size of the channel, both on logarithmic scales.

use std::fmt::Write;

use super::{Arguments, FanOut, Measurement};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 90.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 60.0;

/// A logarithmic axis over whole decades.
struct Axis {
    first: i32,
    last: i32,
    from: f64,
    to: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Self {
        let smallest = values.clone().fold(f64::INFINITY, f64::min).max(1.0);
        let most = values.fold(1.0, f64::max);
        // 0 to 12: more is no number of members, nor of microseconds.
        let powers = || 0..12;
        let first = powers()
            .take_while(|power| 10_f64.powi(*power) <= smallest)
            .last();
        let first = first.unwrap_or(0);
        let last = powers().find(|power| 10_f64.powi(*power) >= most);
        Self {
            first,
            last: last.unwrap_or(12).max(first + 1),
            from,
            to,
        }
    }

    fn at(&self, value: f64) -> f64 {
        let span = f64::from(self.last - self.first);
        let share = (value.max(1.0).log10() - f64::from(self.first)) / span;
        self.from + share * (self.to - self.from)
    }

    fn decades(&self) -> impl Iterator<Item = f64> + use<> {
        (self.first..=self.last).map(|power| 10_f64.powi(power))
    }
}

/// The drawing as SVG, readable on light and on dark pages.
pub(super) fn draw(cells: &[Measurement], arguments: &Arguments) -> String {
    let points = |fan_out| {
        cells
            .iter()
            .filter(move |cell| cell.fan_out == fan_out)
            .filter_map(|cell| Some((f64::from(cell.members), cell.server_cpu_us_per_send?)))
    };
    let all = points(FanOut::Write).chain(points(FanOut::Read));
    let x = Axis::over(all.clone().map(|(members, _)| members), LEFT, WIDTH - RIGHT);
    let y = Axis::over(all.map(|(_, cost)| cost), HEIGHT - BOTTOM, TOP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"13\">\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\
         <text x=\"{LEFT}\" y=\"26\" font-size=\"16\">Server CPU for a send, {} a second, at most {} members online</text>",
        arguments.rate, arguments.online
    );
    // Writing to a string does not fail.
    for members in x.decades() {
        let at = x.at(members);
        let _ = write!(
            svg,
            "<path d=\"M{at:.1} {TOP}V{:.1}\" stroke=\"#ddd\"/><text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{members}</text>",
            HEIGHT - BOTTOM,
            HEIGHT - BOTTOM + 20.0,
        );
    }
    for cost in y.decades() {
        let at = y.at(cost);
        let _ = write!(
            svg,
            "<path d=\"M{LEFT} {at:.1}H{:.1}\" stroke=\"#ddd\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{cost} µs</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            at + 4.0,
        );
    }
    let _ = write!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">members of the channel</text>",
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 14.0,
    );
    for (fan_out, name, colour, dashes) in [
        (FanOut::Write, "events to everybody", "#c0392b", "none"),
        (FanOut::Read, "heads, once a second", "#1f6fb2", "6 4"),
    ] {
        let mut line = String::new();
        let mut last = None;
        for (members, cost) in points(fan_out) {
            let (at_x, at_y) = (x.at(members), y.at(cost));
            let step = if line.is_empty() { 'M' } else { 'L' };
            let _ = write!(line, "{step}{at_x:.1} {at_y:.1}");
            let _ = write!(
                svg,
                "<circle cx=\"{at_x:.1}\" cy=\"{at_y:.1}\" r=\"4\" fill=\"{colour}\"/>"
            );
            last = Some((at_x, at_y));
        }
        let _ = write!(
            svg,
            "<path d=\"{line}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dashes}\"/>"
        );
        if let Some((at_x, at_y)) = last {
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"{colour}\">{name}</text>",
                at_x,
                at_y - 10.0,
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_spans_whole_decades() {
        let axis = Axis::over([10.0, 40_000.0].into_iter(), 0.0, 400.0);
        let decades: Vec<f64> = axis.decades().collect();
        assert_eq!(decades, [10.0, 100.0, 1_000.0, 10_000.0, 100_000.0]);
        assert!((axis.at(1_000.0) - 200.0).abs() < 1e-9);
    }
}
