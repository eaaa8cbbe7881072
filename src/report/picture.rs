//! Pictures of what was learned, as SVG: the carry automaton, and states by principal components.

use crate::prove::{Area, Automaton, Explanation, Point};
use std::collections::BTreeMap;
use std::f64::consts::TAU;

/// Colours of carry 0 and carry 1, told apart by people with any kind of colour vision; grey for
/// both.
const COLOURS: [&str; 3] = ["#0072b2", "#d55e00", "#777777"];

/// Labels `ab/s` of the inputs that lead from one state to another.
fn labels(machine: &Automaton) -> BTreeMap<(usize, usize), Vec<String>> {
    let mut all: BTreeMap<(usize, usize), Vec<String>> = BTreeMap::new();
    for (from, steps) in machine.steps.iter().enumerate() {
        for (x, &(answer, to)) in steps.iter().enumerate() {
            all.entry((from, to)).or_default().push(format!("{}{}/{}", x & 1, x >> 1, u8::from(answer)));
        }
    }
    all
}

/// A state's name and colour.
fn state(machine: &Automaton, index: usize) -> (String, &'static str) {
    match machine.carries[index] {
        [true, false] if machine.states() == 2 => ("carry 0".into(), COLOURS[0]),
        [false, true] if machine.states() == 2 => ("carry 1".into(), COLOURS[1]),
        [true, false] => (format!("{index}: carry 0"), COLOURS[0]),
        [false, true] => (format!("{index}: carry 1"), COLOURS[1]),
        _ => (format!("{index}: both"), COLOURS[2]),
    }
}

/// The automaton as a picture, states on a circle.
pub fn automaton_svg(machine: &Automaton) -> String {
    const RADIUS: f64 = 44.0;
    let n = machine.states();
    let ring = (n as f64 * 110.0 / TAU).max(150.0);
    let size = 2.0 * (ring + 150.0);
    let centre = size / 2.0;
    let angle = |index: usize| TAU * (index as f64 / n as f64 + 0.5);
    let at = |index: usize| (centre + ring * angle(index).cos(), centre + ring * angle(index).sin());
    let mut body = String::new();
    for ((from, to), labels) in labels(machine) {
        let ((x0, y0), (x1, y1)) = (at(from), at(to));
        let (path, label) = if from == to {
            let (ux, uy) = (angle(from).cos(), angle(from).sin());
            let (px, py) = (-uy, ux);
            let point = |out: f64, side: f64| (x0 + ux * out + px * side, y0 + uy * out + py * side);
            let (begin, end, far) = (point(38.0, -22.0), point(38.0, 22.0), point(112.0, 0.0));
            let (bend0, bend1) = (point(120.0, -60.0), point(120.0, 60.0));
            let path = format!(
                "M{:.1},{:.1} C{:.1},{:.1} {:.1},{:.1} {:.1},{:.1}",
                begin.0, begin.1, bend0.0, bend0.1, bend1.0, bend1.1, end.0, end.1
            );
            (path, far)
        } else {
            let length = (x1 - x0).hypot(y1 - y0);
            let (ux, uy) = ((x1 - x0) / length, (y1 - y0) / length);
            let (px, py) = (-uy, ux);
            let (bx, by) = ((x0 + x1) / 2.0 + px * 40.0, (y0 + y1) / 2.0 + py * 40.0);
            let (sx, sy) = (x0 + ux * 40.0 + px * 18.0, y0 + uy * 40.0 + py * 18.0);
            let (ex, ey) = (x1 - ux * 40.0 + px * 18.0, y1 - uy * 40.0 + py * 18.0);
            let label = ((x0 + x1) / 2.0 + px * 36.0, (y0 + y1) / 2.0 + py * 36.0);
            (format!("M{sx:.1},{sy:.1} Q{bx:.1},{by:.1} {ex:.1},{ey:.1}"), label)
        };
        body += &format!("<path d=\"{path}\" fill=\"none\" stroke=\"#555\" marker-end=\"url(#tip)\"/>\n");
        let first = label.1 - 7.0 * (labels.len() as f64 - 1.0);
        for (line, text) in labels.iter().enumerate() {
            let y = first + 15.0 * line as f64 + 4.0;
            body += &format!("<text x=\"{:.1}\" y=\"{y:.1}\" class=\"edge\">{text}</text>\n", label.0);
        }
    }
    for index in 0..n {
        let ((x, y), (name, colour)) = (at(index), state(machine, index));
        body += &format!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{RADIUS}\" fill=\"white\" stroke=\"{colour}\" stroke-width=\"3\"/>\n\
             <text x=\"{x:.1}\" y=\"{:.1}\">{name}</text>\n",
            y + 5.0
        );
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {size:.0} {size:.0}\" width=\"{size:.0}\" height=\"{size:.0}\">\n\
         <style>text{{font:14px sans-serif;text-anchor:middle}} .edge{{font-size:13px;paint-order:stroke;stroke:white;stroke-width:4px}}</style>\n\
         <defs><marker id=\"tip\" markerWidth=\"9\" markerHeight=\"9\" refX=\"8\" refY=\"4\" orient=\"auto\">\
         <path d=\"M0,0 L9,4 L0,8 z\" fill=\"#555\"/></marker></defs>\n\
         <title>Carry automaton: inputs ab / answer</title>\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{body}</svg>\n"
    )
}

/// States by two principal components, coloured by the true carry, with the areas that the floats
/// are proved never to leave. A point's area grows with how often it was met.
pub fn states_svg(explanation: &Explanation, areas: &[Area]) -> String {
    const SIZE: f64 = 480.0;
    const EDGE: f64 = 50.0;
    let mut spots: BTreeMap<(i64, i64, bool), f64> = BTreeMap::new();
    let bound = |f: fn(&Point) -> f64, ends: fn(&Area) -> [f64; 2]| {
        let all = explanation.points.iter().map(f).chain(areas.iter().flat_map(ends));
        let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        (low, (high - low).max(1e-9))
    };
    let ((x0, width), (y0, height)) = (bound(|p| p.x, |area| area.x), bound(|p| p.y, |area| area.y));
    #[expect(clippy::cast_possible_truncation, reason = "tenths of a pixel")]
    let place = |v: f64, low: f64, range: f64| ((EDGE + (v - low) / range * (SIZE - 2.0 * EDGE)) * 10.0).round() as i64;
    for p in &explanation.points {
        *spots.entry((place(p.x, x0, width), place(p.y, y0, height), p.carry)).or_default() += 1.0;
    }
    let mut body = String::new();
    for area in areas {
        let [x0, x1] = area.x.map(|v| place(v, x0, width) as f64 / 10.0);
        let [y0, y1] = area.y.map(|v| SIZE - place(v, y0, height) as f64 / 10.0);
        let (wide, high, colour) = (x1 - x0, y0 - y1, COLOURS[usize::from(area.carry)]);
        body += &format!(
            "<rect x=\"{x0:.1}\" y=\"{y1:.1}\" width=\"{wide:.1}\" height=\"{high:.1}\" fill=\"{colour}\" fill-opacity=\"0.1\" stroke=\"{colour}\"/>\n"
        );
    }
    for ((x, y, carry), count) in spots {
        let (x, y) = (x as f64 / 10.0, SIZE - y as f64 / 10.0);
        let (radius, colour) = (2.0 + 0.6 * f64::sqrt(count), COLOURS[usize::from(carry)]);
        body += &format!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" fill=\"{colour}\" fill-opacity=\"0.7\"/>\n"
        );
    }
    let [one, two] = explanation.shares.map(|share| format!("{:.0} %", share * 100.0));
    let (middle, low) = (SIZE / 2.0, SIZE - 12.0);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {SIZE} {SIZE}\" width=\"{SIZE}\" height=\"{SIZE}\">\n\
         <style>text{{font:13px sans-serif;text-anchor:middle}}</style>\n<title>States by principal components, coloured by carry</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{body}\
         <text x=\"{middle}\" y=\"{low}\">first principal component, {one} of the variance</text>\n\
         <text transform=\"translate(16,{middle}) rotate(-90)\">second principal component, {two}</text>\n\
         <text x=\"{middle}\" y=\"22\"><tspan fill=\"{}\">● carry 0</tspan> <tspan fill=\"{}\">● carry 1</tspan></text>\n</svg>\n",
        COLOURS[0], COLOURS[1]
    )
}
