//! The rows in a balancer's box: one for each backend, with what its strategy compares.

use super::face::Row;
use super::layout::ROWS_MAX;
use crate::node::Balancer;
use crate::policy::balance::Memory;
use crate::sim::Time;

/// One row per backend, as many as fit.
pub(super) fn of_balancer(node: &Balancer, now: Time) -> Vec<Row> {
    let memory = node.memory(now);
    let total = node.picks().iter().sum::<u64>().max(1);
    let next = match memory {
        // Nothing that could be shown ahead of the request itself.
        Memory::Nothing => None,
        _ => node.next(now),
    };
    let row = |(place, backend): (usize, &crate::policy::balance::Backend)| {
        let picks = node.picks()[place];
        let (bar, number) = match &memory {
            Memory::Weights(all) => weight(all, place),
            Memory::Loads(all, unit) => load(all, unit, place),
            Memory::Nothing | Memory::Cursor(_) | Memory::Order(_) => {
                (picks as f64 / total as f64, picks.to_string())
            }
        };
        Row {
            name: backend.name.to_string(),
            bar,
            number,
            next: next == Some(place) && backend.healthy,
            healthy: backend.healthy,
        }
    };
    node.backends().iter().enumerate().take(ROWS_MAX).map(row).collect()
}

/// A running weight: its share of the largest, and the number with a true minus sign.
fn weight(all: &[i64], place: usize) -> (f64, String) {
    let largest = all.iter().map(|weight| weight.unsigned_abs()).max().unwrap_or(1).max(1);
    let weight = all.get(place).copied().unwrap_or(0);
    (weight as f64 / largest as f64, weight.to_string().replace('-', "\u{2212}"))
}

/// A load from here on means that the strategy does not know.
const UNKNOWN: f64 = 3.6e6;

/// A load: its share of the largest, and the number with its unit.
fn load(all: &[f64], unit: &str, place: usize) -> (f64, String) {
    // Strategies give those they know nothing about a load beyond all reason.
    let known = |load: &f64| *load < UNKNOWN;
    if !all.get(place).is_some_and(known) {
        return (1.0, "?".to_owned());
    }
    let finite = all.iter().copied().filter(known);
    let largest = finite.fold(0.0, f64::max);
    let load = all.get(place).copied().unwrap_or(0.0);
    let share = if largest > 0.0 { (load / largest).clamp(0.0, 1.0) } else { 0.0 };
    let digits = match load {
        _ if load.fract() == 0.0 => 0,
        _ if load.abs() < 10.0 => 2,
        _ if load.abs() < 100.0 => 1,
        _ => 0,
    };
    let space = if unit.is_empty() { "" } else { " " };
    (share, format!("{load:.digits$}{space}{unit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_short_as_they_can_be_and_bars_stay_inside() {
        let loads = [3.0, 0.25, 41.27, f64::INFINITY];
        assert_eq!(load(&loads, "", 0).1, "3");
        assert_eq!(load(&loads, "ms", 1).1, "0.25 ms");
        assert_eq!(load(&loads, "ms", 2), (1.0, "41.3 ms".to_owned()));
        assert_eq!(load(&loads, "", 3), (1.0, "?".to_owned()));
        assert_eq!(load(&[0.0, 0.0], "", 0), (0.0, "0".to_owned()));
        assert_eq!(weight(&[-4, 2], 0), (-1.0, "\u{2212}4".to_owned()));
    }
}
