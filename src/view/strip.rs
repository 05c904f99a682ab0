//! The strip of time under the canvas: which stretch it shows, the heat map, the small charts.

use super::plan;
use crate::node::AnyNode;
use crate::scenario::Scenario;
use crate::scenario::build::Run;
use crate::session::{LATENCY_CELLS, Series};
use crate::sim::Time;

/// A stretch of time that a chart shows, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// From.
    pub from: f64,
    /// Until.
    pub until: f64,
}

impl Window {
    /// A window that holds the frontier and, within the first minute, everything that is planned:
    /// it grows in steps up to a minute, then slides.
    pub fn around(frontier: Time, scenario: &Scenario) -> Window {
        const STEPS: [f64; 5] = [5.0, 10.0, 20.0, 40.0, 60.0];
        let planned = scenario.faults.iter().map(|fault| fault.at.seconds());
        let planned = planned.filter(|at| *at <= STEPS[STEPS.len() - 1]);
        let end = planned.fold(frontier.seconds(), f64::max);
        match STEPS.iter().find(|&&step| end <= step) {
            Some(&step) => Window { from: 0.0, until: step },
            None => Window { from: end - 60.0, until: end },
        }
    }

    /// The share of the width at which an instant lies; outside 0 to 1 it is not shown.
    pub fn share(&self, seconds: f64) -> f64 {
        (seconds - self.from) / (self.until - self.from)
    }

    /// The instant at a share of the width.
    pub fn instant(&self, share: f64) -> Time {
        let seconds = self.from + share.clamp(0.0, 1.0) * (self.until - self.from);
        Time::from_ns((seconds * 1e9).max(0.0) as u64)
    }
}

/// A cell of the heat map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeatCell {
    /// Left edge, as a share of the width.
    pub left: f64,
    /// Width, as a share of the width.
    pub width: f64,
    /// Row from the bottom, from 0.
    pub row: usize,
    /// How strong, 0 to 1, by the square root of the count.
    pub strength: f64,
}

/// The heat map of latencies: cells, and how many rows they need.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeatMap {
    /// The cells that are not empty.
    pub cells: Vec<HeatCell>,
    /// The first row of latencies that is shown, for `cell_floor`.
    pub lowest: usize,
    /// How many rows are shown.
    pub rows: usize,
}

/// A stretch of time in which a balancer used a server that was dead.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// Left edge, as a share of the width.
    pub left: f64,
    /// Width, as a share of the width.
    pub width: f64,
    /// Whose it is, and what was lost in it: `s2: 12 lost`.
    pub words: String,
}

/// The windows of detection of all balancers, as far as they are shown.
pub fn detections(run: &Run, window: Window) -> Vec<Band> {
    let balancers = run.nodes().iter().filter_map(|node| match node {
        AnyNode::Balancer(balancer) => Some(balancer.detections()),
        _ => None,
    });
    let bands = balancers.flatten().filter_map(|detection| {
        let until = detection.until.unwrap_or(run.now());
        let [left, right] = [detection.from, until].map(|at| window.share(at.seconds()));
        let (left, right) = (left.max(0.0), right.min(1.0));
        let words = format!("{}: {} lost", detection.server, detection.lost);
        (right > left).then_some(Band { left, width: right - left, words })
    });
    bands.collect()
}

const COLUMNS: f64 = 60.0;

/// Latencies over time, in at most sixty columns.
pub fn heat_map(series: &Series, window: Window) -> HeatMap {
    let column_seconds = ((window.until - window.from) / COLUMNS).max(0.1);
    let mut columns: Vec<[u32; LATENCY_CELLS]> = Vec::new();
    for (start, bucket) in series.buckets() {
        let share = (start.seconds() - window.from) / column_seconds;
        if share < -1e-9 {
            continue;
        }
        // A bucket starts exactly on a column's edge, but for rounding.
        let column = (share + 1e-6) as usize;
        columns.resize(columns.len().max(column + 1), [0; LATENCY_CELLS]);
        for (sum, &count) in columns[column].iter_mut().zip(&bucket.cells) {
            *sum += u32::from(count);
        }
    }
    let used = |cell: &usize| columns.iter().any(|column| column[*cell] > 0);
    let (Some(lowest), Some(highest)) =
        ((0..LATENCY_CELLS).find(used), (0..LATENCY_CELLS).rfind(used))
    else {
        return HeatMap::default();
    };
    let most = columns.iter().flatten().copied().max().unwrap_or(1).max(1);
    let width = column_seconds / (window.until - window.from);
    let mut cells = Vec::new();
    for (place, column) in columns.iter().enumerate() {
        for (cell, &count) in column.iter().enumerate().filter(|&(_, &count)| count > 0) {
            cells.push(HeatCell {
                left: place as f64 * width,
                width,
                row: cell - lowest,
                strength: (f64::from(count) / f64::from(most)).sqrt(),
            });
        }
    }
    HeatMap { cells, lowest, rows: highest - lowest + 1 }
}

/// What went wrong, or right again, at an instant.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultMark {
    /// When, as a share of the width.
    pub share: f64,
    /// When.
    pub at: Time,
    /// Which faults it stands for, by their places in the scenario.
    pub places: Vec<usize>,
    /// What happens, to be read out: `s2 crashes; s3 comes up again`.
    pub told: String,
    /// Did it only go right?
    pub good: bool,
    /// `\u{d7} s2`, `\u{d7} s2 +3`; empty where there is no room for it.
    pub words: String,
}

/// The faults in a window, those of one instant together. A letter takes this share of the width.
pub fn fault_marks(scenario: &Scenario, window: Window, letter: f64) -> Vec<FaultMark> {
    let all = plan::planned(scenario);
    let mut marks = Vec::new();
    let mut free = 0.0;
    for together in all.chunk_by(|a, b| a.fault.at == b.fault.at) {
        let at = together[0].fault.at;
        let share = window.share(at.seconds());
        if !(0.0..=1.0).contains(&share) {
            continue;
        }
        let mends = |planned: &&plan::Planned| planned.fault.kind.mends();
        let good = together.iter().all(|planned| mends(&planned));
        let worst = together.iter().find(|planned| good || !mends(planned));
        let name = worst.map_or("", |planned| planned.name.as_str());
        let sign = if good { '\u{25b2}' } else { '\u{d7}' };
        let words = match together.len() - 1 {
            0 => format!("{sign} {name}"),
            more => format!("{sign} {name} +{more}"),
        };
        let end = share + letter * (words.chars().count() as f64 + 1.0);
        let fits = share >= free;
        if fits {
            free = end;
        }
        let told = together.iter().map(|planned| format!("{} {}", planned.name, planned.words));
        marks.push(FaultMark {
            share,
            at,
            places: together.iter().map(|planned| planned.place).collect(),
            told: told.collect::<Vec<String>>().join("; "),
            good,
            words: if fits { words } else { String::new() },
        });
    }
    marks
}

/// A line of a chart: points as shares of width and height, from the bottom left.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lines {
    /// One list of points per line.
    pub lines: Vec<Vec<(f64, f64)>>,
    /// The value at the top.
    pub top: f64,
}

/// Requests made and answered per second, averaged over half a second.
pub fn throughput(series: &Series, window: Window) -> Lines {
    let step = 5;
    let all: Vec<_> = series.buckets().collect();
    let mut made = Vec::new();
    let mut answered = Vec::new();
    for chunk in all.chunks_exact(step) {
        let seconds = series.bucket_span().seconds() * step as f64;
        let at = chunk[0].0.seconds() + seconds / 2.0;
        let sum = |count: fn(&crate::session::Bucket) -> u32| {
            chunk.iter().map(|(_, bucket)| f64::from(count(bucket))).sum::<f64>() / seconds
        };
        made.push((at, sum(|bucket| bucket.sent)));
        answered.push((at, sum(|bucket| bucket.done)));
    }
    scaled(window, vec![made, answered])
}

/// The median, the 95th and the 99th percentile of latency in ms, bucket by bucket.
pub fn percentiles(series: &Series, window: Window) -> Lines {
    let mut lines = vec![Vec::new(); 3];
    for (start, bucket) in series.buckets() {
        let at = start.seconds() + series.bucket_span().seconds() / 2.0;
        for (line, value) in lines.iter_mut().zip(bucket.percentiles.iter().flatten()) {
            line.push((at, f64::from(*value)));
        }
    }
    scaled(window, lines)
}

fn scaled(window: Window, lines: Vec<Vec<(f64, f64)>>) -> Lines {
    let shown = |&(at, _): &(f64, f64)| (0.0..=1.0).contains(&window.share(at));
    let values = lines.iter().flatten().filter(|point| shown(point)).map(|&(_, value)| value);
    let top = round_up(values.fold(0.0, f64::max));
    let place = |&(at, value): &(f64, f64)| (window.share(at), value / top);
    let lines = lines
        .iter()
        .map(|line| line.iter().filter(|point| shown(point)).map(place).collect())
        .collect();
    Lines { lines, top }
}

/// The next of 1, 2, 5, 10, 20, 50 \u{2026} that is not below the value.
fn round_up(value: f64) -> f64 {
    let mut unit = 1.0;
    loop {
        for step in [1.0, 2.0, 5.0] {
            if value <= step * unit {
                return step * unit;
            }
        }
        unit *= 10.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::gallery::{GALLERY, Preset};
    use crate::session::Session;
    use crate::sim::Span;

    #[test]
    fn the_window_grows_and_then_slides() {
        let window =
            |s: u64| Window::around(Time::from_ns(s * 1_000_000_000), &Scenario::default());
        assert_eq!(window(3), Window { from: 0.0, until: 5.0 });
        assert_eq!(window(61), Window { from: 1.0, until: 61.0 });
        assert_eq!(window(61).instant(0.5), Time::from_ns(31_000_000_000));
        // What is planned within a minute is in sight from the beginning.
        let plan = |s: u64| {
            let mut scenario = Preset::find("server-dies").expect("it is there").scenario();
            scenario.faults.truncate(1);
            scenario.faults[0].at = Time::from_ns(s * 1_000_000_000);
            Window::around(Time::from_ns(2_000_000_000), &scenario).until
        };
        assert_eq!((plan(1), plan(17), plan(60), plan(61)), (5.0, 20.0, 60.0, 5.0));
    }

    #[test]
    fn the_heat_map_holds_every_answer_and_charts_stay_inside() {
        let mut session = Session::new(GALLERY[0].scenario()).expect("is checked");
        session.advance(Span::from_millis(8_000), u64::MAX);
        let window = Window::around(session.frontier(), session.scenario());
        let map = heat_map(session.series(), window);
        assert!(map.cells.iter().all(|cell| cell.row < map.rows && cell.left < 1.0));
        assert!(map.cells.iter().any(|cell| cell.strength == 1.0));
        for lines in [throughput(session.series(), window), percentiles(session.series(), window)] {
            let points: Vec<_> = lines.lines.iter().flatten().collect();
            assert!(points.len() > 20);
            assert!(points.iter().all(|(x, y)| (0.0..=1.0).contains(x) && (0.0..=1.0).contains(y)));
        }
    }

    #[test]
    fn faults_of_an_instant_are_one_mark_and_words_do_not_cover_words() {
        let scenario = Preset::find("scale-out").expect("it is there").scenario();
        let window = Window { from: 0.0, until: 20.0 };
        let marks = fault_marks(&scenario, window, 0.01);
        let words: Vec<&str> = marks.iter().map(|mark| &*mark.words).collect();
        assert_eq!(words[..3], ["\u{d7} s2 +6", "\u{25b2} s2", "\u{25b2} s3"]);
        assert_eq!((marks.len(), marks[0].good, marks[1].good), (8, false, true));
        // With large letters every other word has no room; its mark is there all the same.
        let marks = fault_marks(&scenario, window, 0.04);
        let words: Vec<bool> = marks.iter().map(|mark| !mark.words.is_empty()).collect();
        assert_eq!(words.iter().filter(|there| **there).count(), 4, "{words:?}");
        // What lies outside is not drawn.
        assert_eq!(fault_marks(&scenario, Window { from: 30.0, until: 90.0 }, 0.01), []);
    }
}
