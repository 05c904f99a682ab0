//! What a turn of the wheel means: a mouse's wheel zooms, two fingers on a trackpad move the
//! canvas. Browsers do not say which it is, so it is told from the numbers, or a person says so.

use super::camera::{Camera, Point};

/// What a person says they use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// Tell from the numbers.
    #[default]
    Auto,
    /// The wheel zooms.
    Mouse,
    /// The wheel moves.
    Trackpad,
}

impl Device {
    /// All of them.
    pub const ALL: [Device; 3] = [Device::Auto, Device::Mouse, Device::Trackpad];

    /// Its word, as it is kept.
    pub fn word(self) -> &'static str {
        match self {
            Device::Auto => "auto",
            Device::Mouse => "mouse",
            Device::Trackpad => "trackpad",
        }
    }

    /// What it means, for a person.
    pub fn words(self) -> &'static str {
        match self {
            Device::Auto => "Find out by itself",
            Device::Mouse => "Mouse: the wheel zooms",
            Device::Trackpad => "Trackpad: two fingers move the canvas",
        }
    }

    /// The one with this word.
    pub fn named(word: &str) -> Option<Device> {
        Device::ALL.into_iter().find(|device| device.word() == word)
    }
}

/// A turn of the wheel, as the browser tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Turn {
    /// To the right.
    pub dx: f64,
    /// Down.
    pub dy: f64,
    /// Are the numbers lines of text, and not pixels?
    pub lines: bool,
    /// Is Ctrl or the command key down? Pinching on a trackpad says so too.
    pub command: bool,
    /// Is Shift down?
    pub shift: bool,
}

/// Turns of this many pixels straight down come from wheels with notches.
const NOTCH: f64 = 100.0;
/// Turns of fewer pixels come from fingers.
const FINGER: f64 = 40.0;
/// So many notches in a row make a mouse.
const NOTCHES: u8 = 3;

/// What was learned from the turns so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wheel {
    found: Device,
    notches: u8,
}

impl Wheel {
    /// The camera after this turn at this point of the screen.
    pub fn turn(&mut self, setting: Device, turn: Turn, at: Point, camera: Camera) -> Camera {
        self.learn(turn);
        let device = if setting == Device::Auto { self.found } else { setting };
        let zooms = turn.command
            || match device {
                Device::Mouse => !turn.shift,
                Device::Trackpad => false,
                Device::Auto => !turn.shift && (turn.lines || is_notch(turn)),
            };
        if zooms {
            let scale = if turn.lines { 0.05 } else { 0.002 };
            return camera.zoomed(at, libm::exp2((-turn.dy * scale).clamp(-0.6, 0.6)));
        }
        let line = if turn.lines { 20.0 } else { 1.0 };
        let (dx, dy) = match turn.shift && turn.dx == 0.0 {
            true => (turn.dy, 0.0),
            false => (turn.dx, turn.dy),
        };
        camera.panned(-dx * line, -dy * line)
    }

    /// Turns to the side and small turns are a trackpad; lines, or three notches, a mouse. Turns
    /// with a key say nothing: pinching is told as a wheel with Ctrl. Fractions say nothing
    /// either: where a screen or a page is scaled, so are the notches of a mouse.
    fn learn(&mut self, turn: Turn) {
        if turn.command || turn.shift {
            return;
        }
        let fingers = !turn.lines && (turn.dx != 0.0 || turn.dy.abs() < FINGER);
        if fingers {
            *self = Wheel { found: Device::Trackpad, notches: 0 };
        } else if turn.lines {
            self.found = Device::Mouse;
        } else if is_notch(turn) {
            self.notches = (self.notches + 1).min(NOTCHES);
            if self.notches == NOTCHES {
                self.found = Device::Mouse;
            }
        }
    }
}

fn is_notch(turn: Turn) -> bool {
    !turn.lines && turn.dx == 0.0 && turn.dy.abs() >= NOTCH
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Point = Point { x: 50.0, y: 50.0 };

    fn after(wheel: &mut Wheel, setting: Device, turn: Turn) -> Camera {
        wheel.turn(setting, turn, AT, Camera::default())
    }

    fn down(dy: f64) -> Turn {
        Turn { dy, ..Turn::default() }
    }

    #[test]
    fn a_mouse_zooms_and_fingers_move() {
        let mut wheel = Wheel::default();
        assert!(after(&mut wheel, Device::Auto, down(120.0)).zoom < 1.0);
        let moved = after(&mut wheel, Device::Auto, down(12.5));
        assert_eq!((moved.zoom, moved.x, moved.y), (1.0, 0.0, -12.5));
        // Known for a trackpad: a fast swipe moves too, until three notches in a row.
        for _ in 0..2 {
            assert_eq!(after(&mut wheel, Device::Auto, down(120.0)).zoom, 1.0);
        }
        assert!(after(&mut wheel, Device::Auto, down(120.0)).zoom < 1.0);
        // Known for a mouse: small turns of its wheel mean fingers again.
        assert_eq!(after(&mut wheel, Device::Auto, down(4.0)).zoom, 1.0);
        let lines = Turn { lines: true, ..down(-3.0) };
        assert!(after(&mut wheel, Device::Auto, lines).zoom > 1.0);
        // The notches of a mouse on a page that is scaled to 90 %.
        assert!(after(&mut wheel, Device::Auto, down(111.1)).zoom < 1.0);
    }

    #[test]
    fn what_a_person_says_counts_and_keys_always_do() {
        let mut wheel = Wheel::default();
        assert!(after(&mut wheel, Device::Mouse, down(3.5)).zoom < 1.0);
        assert_eq!(after(&mut wheel, Device::Trackpad, down(120.0)).zoom, 1.0);
        for setting in Device::ALL {
            let pinch = Turn { command: true, ..down(-8.0) };
            assert!(after(&mut wheel, setting, pinch).zoom > 1.0, "{setting:?}");
            let aside = Turn { shift: true, ..down(120.0) };
            let moved = after(&mut wheel, setting, aside);
            assert_eq!((moved.zoom, moved.x, moved.y), (1.0, -120.0, 0.0), "{setting:?}");
            assert_eq!(Device::named(setting.word()), Some(setting));
        }
        assert_eq!(Device::named("foot"), None);
    }
}
