//! What tables and shard routers show of their inside: partitions and shards against their equal
//! share, and the placement as a ring or a strip.

use super::face::{Condition, Face, Inside};
use super::layout::ROWS_MAX;
use crate::node::router::{Change, Migration, Shape};
use crate::node::table::Scheme;
use crate::node::{Router, Table};
use crate::scenario::build::Run;
use crate::sim::Time;

/// A partition or a shard with its share.
#[derive(Clone, Debug, PartialEq)]
pub struct ShareRow {
    /// Its name.
    pub name: String,
    /// Its share of all rows or keys, from 0 to 1.
    pub share: f64,
    /// The share of each if all had the same.
    pub equal: f64,
    /// How busy it is, from 0 to 1; the share of requests, for a shard.
    pub load: f64,
    /// The number beside it.
    pub number: String,
    /// Can it be reached?
    pub there: bool,
    /// Is the last key its?
    pub last: bool,
}

/// A placement as a picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Placing {
    /// Is it a ring? Otherwise a strip of cells.
    pub ring: bool,
    /// Outlines of the cells of shards, as paths in a box of 100 by 100: those of the owner of the
    /// last key, then the others in three shades by turns.
    pub paths: [String; 4],
    /// Where the last key falls, in the same box.
    pub mark: Option<(f64, f64)>,
    /// The last key.
    pub key: String,
    /// How much is still to move, in words; nothing when all is in its place.
    pub moving: String,
}

fn rate(per_second: f64) -> String {
    match per_second >= 9.95 {
        true => format!("{per_second:.0}/s"),
        false => format!("{per_second:.1}/s"),
    }
}

/// What a table shows.
pub(super) fn table(node: &Table, now: Time) -> Face {
    let config = node.config();
    let all: u32 = node.parts().map(|part| part.rows).sum();
    let count = node.parts().count();
    let row = |part: &crate::node::table::Part| ShareRow {
        name: part.name.replace("partition_", "p"),
        share: f64::from(part.rows) / f64::from(all.max(1)),
        equal: 1.0 / count.max(1) as f64,
        load: f64::from(part.busy.value()) / f64::from(config.workers.max(1)),
        number: match (part.attached, part.waiting.value()) {
            (false, _) => "not attached".to_owned(),
            (true, 0) => part.rows.to_string(),
            (true, waiting) => format!("{} +{waiting}", part.rows),
        },
        there: part.attached,
        last: false,
    };
    let rows: Vec<ShareRow> = node.parts().take(ROWS_MAX).map(row).collect();
    let scheme = match config.scheme {
        Scheme::Hash => "md5[0] mod 4".to_owned(),
        Scheme::Range if count == 1 => "one range".to_owned(),
        Scheme::Range => format!("{count} ranges"),
    };
    let touched = node.touched() as f64 / node.arrived().total().max(1) as f64;
    let in_words = node.parts().map(|part| {
        let attached = if part.attached { "" } else { ", not attached" };
        let (waiting, share) = (part.waiting.value(), rate(part.served.per_second(now)));
        format!("{}: {} rows, {share}, {waiting} waiting{attached}", part.name, part.rows)
    });
    let in_words: Vec<String> = in_words.take(ROWS_MAX).collect();
    Face {
        condition: Condition::Fine,
        number: rate(node.served().per_second(now)),
        detail: format!("{scheme} \u{b7} touches {touched:.1}"),
        words: format!(
            "{all} rows, partitions: {count}; {} not found, {} refused; {}",
            node.not_found(),
            node.refused(),
            in_words.join("; ")
        ),
        inside: Inside::Partitions(rows),
    }
}

/// What a shard router shows.
pub(super) fn router(node: &Router, run: &Run) -> Face {
    let now = run.now();
    let name = node.config().entry().name;
    let key = node.last().map(|key| run.key_name(key)).unwrap_or_default();
    let owner = node.last().and_then(|_| node.try_key(&key).0);
    let members = node.members();
    let all: u32 = members.iter().map(|member| member.keys).sum();
    let routed = node.routed().total().max(1) as f64;
    let rows =
        members.iter().zip(node.sent()).enumerate().map(|(place, (member, sent))| ShareRow {
            name: member.name.to_string(),
            share: f64::from(member.keys) / f64::from(all.max(1)),
            equal: 1.0 / members.len() as f64,
            load: sent.total() as f64 / routed,
            number: member.keys.to_string(),
            there: run.card(member.node).up,
            last: owner == Some(place),
        });
    let most = members.iter().map(|member| member.keys).max().unwrap_or(0);
    let balance = f64::from(most) * members.len() as f64 / f64::from(all.max(1));
    let hot: Vec<String> = node
        .hot()
        .iter()
        .take(3)
        .map(|&(key, share)| format!("{} {:.0} %", run.key_name(key), share * 100.0))
        .collect();
    let detail = match (node.refusal(), hot.first()) {
        (Some(words), _) => words.to_owned(),
        (None, Some(hottest)) => format!("{name} \u{b7} hot: {hottest}"),
        (None, None) => format!("{name} \u{b7} fullest {balance:.2} \u{d7} equal"),
    };
    let moving = moving(node);
    let shares: Vec<String> =
        members.iter().map(|member| format!("{} {} keys", member.name, member.keys)).collect();
    let words = format!(
        "{name}; {}; {}; last key {key}; {} misroutes, {} missed{}",
        shares.join(", "),
        if moving.is_empty() { "every row is in its place" } else { &moving },
        node.misroutes(),
        node.misses(),
        if hot.is_empty() { String::new() } else { format!("; hot keys: {}", hot.join(", ")) }
    );
    Face {
        condition: Condition::Fine,
        number: rate(node.routed().per_second(now)),
        detail,
        words,
        inside: Inside::Shards(
            rows.take(ROWS_MAX).collect(),
            placing(node.shape(), node.mark(&key), owner, key, moving),
        ),
    }
}

/// How much is to move, and what the last change meant beside the least that it could have meant.
fn moving(node: &Router) -> String {
    let (left, moved, misses) = (node.astray(), node.moved(), node.misses());
    let rows = match node.config().migration {
        _ if left == 0 && moved == 0 => String::new(),
        Migration::Move => format!("{left} rows to move, {moved} moved; "),
        Migration::None => format!("{left} rows left behind, {misses} reads missed; "),
    };
    let change = node.change().map(|Change { moved, of, ideal }| {
        let least = (ideal * f64::from(of)).round();
        format!("{moved} of {of} keys changed shard, least {least}")
    });
    rows + &change.unwrap_or_default()
}

/// A placement with a mark on the last key.
pub(super) fn placing(
    shape: Option<&Shape>,
    mark: Option<f64>,
    owner: Option<usize>,
    key: String,
    moving: String,
) -> Placing {
    let Some(shape) = shape else { return Placing { key, moving, ..Placing::default() } };
    let shade = |cell: u16| match owner == Some(usize::from(cell)) {
        true => 0,
        false => 1 + usize::from(cell) % 3,
    };
    let cells: Vec<usize> = shape.cells.iter().map(|&cell| shade(cell)).collect();
    // Neighbours of the same shard are one outline; of different shards with the same shade, two.
    let mut paths: [String; 4] = std::array::from_fn(|_| String::new());
    let mut from = 0;
    for at in 1..=cells.len() {
        if at == cells.len() || shape.cells[at] != shape.cells[from] {
            match shape.ring {
                true => arc(from, at, cells.len(), &mut paths[cells[from]]),
                false => blocks(from, at, cells.len(), &mut paths[cells[from]]),
            }
            from = at;
        }
    }
    let mark = mark.map(|place| match shape.ring {
        true => point(place, 40.0),
        false => {
            let cell = ((place * cells.len() as f64) as usize).min(cells.len().saturating_sub(1));
            let (x, y, width, height) = block(cell, cells.len());
            (x + width / 2.0, y + height / 2.0)
        }
    });
    Placing { ring: shape.ring, paths, mark, key, moving }
}

/// A point of a circle round the middle of the box, clockwise from the top; `turn` from 0 to 1.
fn point(turn: f64, radius: f64) -> (f64, f64) {
    let angle = turn * std::f64::consts::TAU;
    (50.0 + radius * libm::sin(angle), 50.0 - radius * libm::cos(angle))
}

/// The arc over the cells from one to before another.
fn arc(from: usize, to: usize, cells: usize, path: &mut String) {
    // A gap between two arcs, so that they can be told apart; a full circle ends just before.
    let turn = |cell: f64| (cell / cells as f64).min(0.9999);
    let (x, y) = point(turn(from as f64 + 0.08), 40.0);
    let (end_x, end_y) = point(turn(to as f64 - 0.08), 40.0);
    let large = u8::from((to - from) * 2 > cells);
    path.push_str(&format!("M{x:.1} {y:.1}A40 40 0 {large} 1 {end_x:.1} {end_y:.1}"));
}

/// Cells in a row of the strip.
const IN_A_ROW: usize = 32;

/// The place and size of a cell of the strip.
fn block(cell: usize, cells: usize) -> (f64, f64, f64, f64) {
    let in_a_row = cells.clamp(1, IN_A_ROW);
    let rows = cells.div_ceil(in_a_row).max(1);
    let (width, height) = (100.0 / in_a_row as f64, (60.0 / rows as f64).min(20.0));
    let top = 55.0 - height * rows as f64 / 2.0;
    let (x, y) = ((cell % in_a_row) as f64 * width, top + (cell / in_a_row) as f64 * height);
    (x, y, width, height)
}

/// The cells from one to before another, each with a gap round it.
fn blocks(from: usize, to: usize, cells: usize, path: &mut String) {
    for cell in from..to {
        let (x, y, width, height) = block(cell, cells);
        let (gap, wide, high) = (0.4, width - 0.8, height - 1.2);
        let (x, y) = (x + gap, y + 0.6);
        path.push_str(&format!("M{x:.1} {y:.1}h{wide:.1}v{high:.1}h-{wide:.1}z"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_begins_at_the_top_and_goes_with_the_clock() {
        let near = |a: (f64, f64), b: (f64, f64)| (a.0 - b.0).abs() + (a.1 - b.1).abs() < 1e-9;
        assert!(near(point(0.0, 40.0), (50.0, 10.0)));
        assert!(near(point(0.25, 40.0), (90.0, 50.0)));
        assert!(near(point(0.5, 40.0), (50.0, 90.0)));
    }

    #[test]
    fn every_cell_of_a_strip_is_in_the_box_and_on_its_own() {
        for cells in [1, 5, 32, 33, 128] {
            let all: Vec<_> = (0..cells).map(|cell| block(cell, cells)).collect();
            for (place, (x, y, width, height)) in all.iter().enumerate() {
                assert!(*x >= 0.0 && x + width <= 100.0 + 1e-9 && *y >= 0.0, "{cells}: {place}");
                assert!(y + height <= 100.0);
                assert!(all[..place].iter().all(|other| (other.0, other.1) != (*x, *y)));
            }
        }
    }

    #[test]
    fn a_ring_of_one_shard_is_still_a_circle() {
        let mut path = String::new();
        arc(0, 128, 128, &mut path);
        assert!(path.starts_with('M') && path.contains("A40 40 0 1 1"), "{path}");
    }
}
