//! A trace of CoDel worked out by hand, and what its two settings change.

use super::*;

const fn at(ms: u64) -> Time {
    Time::from_ns(ms * 1_000_000)
}

fn fill(line: &mut Codel, ids: std::ops::Range<u64>, ms: u64) {
    ids.for_each(|id| line.push(Waiting { id, since: at(ms), priority: 0 }, at(ms)));
}

/// One pop each 10 ms from `from` to `to`: who was dropped, and when.
fn drops(line: &mut Codel, from: u64, to: u64) -> Vec<(u64, u64)> {
    let mut dropped = Vec::new();
    for ms in (from..=to).step_by(10) {
        while let Next::Drop(who) = line.pop(at(ms), &mut Why::off()) {
            dropped.push((ms, who.id));
        }
    }
    dropped
}

fn standard() -> Codel {
    Codel::new(Span::from_millis(5), Span::from_millis(100))
}

/// A thousand wait since 0 and one is taken every 10 ms. The first, at 10, starts the interval,
/// which is over at 110: #10 is dropped, #11 served. The next drop is due at 210, which takes #21
/// (serving #12 to #20 before); then at 210 + 100/√2 = 280.7, + 100/√3 = 338.4, + 100/√4 = 388.4:
/// at the pops of 290, 340 and 390.
#[test]
fn drops_come_ever_more_often() {
    let mut line = standard();
    fill(&mut line, 0..1000, 0);
    assert_eq!(drops(&mut line, 10, 400), [(110, 10), (210, 21), (290, 30), (340, 36), (390, 42)]);
    // 388.445704 + 100/√5, each root cut to the nanosecond.
    assert_eq!((line.count, line.drop_next), (5, Time::from_ns(433_167_063)));
}

#[test]
fn a_new_spell_soon_after_takes_up_the_count() {
    // The last drop was due at 433.2 and four drops were added to the first. 676.8 ms later is
    // within 16 intervals; 1650 ms later is not.
    for (again, count, next) in [(1000, 4, at(1160)), (1980, 1, at(2190))] {
        let mut line = standard();
        fill(&mut line, 0..1000, 0);
        drops(&mut line, 10, 400);
        (0..1000).for_each(|id| {
            line.remove(id);
        });
        assert_eq!(line.pop(at(500), &mut Why::off()), Next::Nobody);
        assert!(!line.dropping);
        fill(&mut line, 1000..2000, again);
        let mut before = line.clone();
        let first = drops(&mut line, again + 10, again + 110);
        assert_eq!(first, [(again + 110, 1010)]);
        assert_eq!((line.count, line.drop_next), (count, next));
        drops(&mut before, again + 10, again + 100);
        let mut why = Why::on();
        assert!(matches!(before.pop(at(again + 110), &mut why), Next::Drop(_)));
        let words = match count {
            1 => {
                "Slow for 100 ms or longer: dropping begins; the next is due 100 ms / √1 = 100 ms \
                 later."
            }
            _ => {
                "Slow for 100 ms or longer, again soon after the last spell: the count goes on at \
                 4; the next is due 100 ms / √4 = 50.0 ms later."
            }
        };
        assert_eq!(why.sentence, words);
    }
}

#[test]
fn several_drops_may_be_due_at_once() {
    let mut line = standard();
    fill(&mut line, 0..1000, 0);
    drops(&mut line, 10, 110);
    // Due at 210, 280.7, 338.4 and 388.4 by 400; then 433.2.
    assert_eq!(drops(&mut line, 400, 400), [(400, 12), (400, 13), (400, 14), (400, 15)]);
}

#[test]
fn a_good_line_ends_the_spell() {
    let mut line = standard();
    fill(&mut line, 0..30, 0);
    drops(&mut line, 10, 110);
    fill(&mut line, 100..103, 205);
    (12..30).for_each(|id| {
        line.remove(id);
    });
    assert_eq!(drops(&mut line, 209, 209), [], "4 ms are below the target");
    assert!(!line.dropping);
    fill(&mut line, 103..104, 209);
    line.remove(101);
    assert_eq!(drops(&mut line, 900, 900), [], "one behind it is not a line");
}

#[test]
fn both_settings_count() {
    let first = |target: u64, interval: u64| {
        let mut line = Codel::new(Span::from_millis(target), Span::from_millis(interval));
        fill(&mut line, 0..1000, 0);
        drops(&mut line, 10, 400).first().copied()
    };
    assert_eq!(first(5, 100), Some((110, 10)));
    assert_eq!(first(50, 100), Some((150, 14)));
    assert_eq!(first(5, 50), Some((60, 5)));
}

#[test]
fn says_what_it_waits_for() {
    let mut line = standard();
    fill(&mut line, 0..1000, 0);
    let mut said = Vec::new();
    for ms in [10, 110, 110, 210] {
        let mut why = Why::on();
        line.pop(at(ms), &mut why);
        said.push(format!("{}: {}", why.lines[0].numbers, why.sentence));
    }
    let expected = [
        "waited 10.0 ms, target 5.00 ms: Served; dropping begins in 100 ms if it stays slow.",
        "waited 110 ms, target 5.00 ms: Slow for 100 ms or longer: dropping begins; the next is \
         due 100 ms / √1 = 100 ms later.",
        "waited 110 ms, target 5.00 ms: Served; the next drop is due in 100 ms if it stays slow.",
        "waited 210 ms, target 5.00 ms: Still slow, and a drop was due at 0.210 s: the count \
         is 2, the next is due 100 ms / √2 = 70.7 ms after that.",
    ];
    assert_eq!(said, expected);
}
