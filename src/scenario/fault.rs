//! What can go wrong in a scenario, and right again: where, when, what and how much.

use std::ops::RangeInclusive;

use crate::node::PARTS_MAX;
use crate::sim::Time;

/// Something that goes wrong, or right again.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// When.
    pub at: Time,
    /// Where.
    pub on: Target,
    /// What.
    pub kind: FaultKind,
}

/// What a fault happens to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The node with this id.
    Node(String),
    /// The wire from the node with the first id to that with the second.
    Wire(String, String),
}

impl Target {
    /// The node with this id.
    pub fn node(id: &str) -> Target {
        Target::Node(id.to_owned())
    }

    /// The wire between the nodes with these ids.
    pub fn wire(from: &str, to: &str) -> Target {
        Target::Wire(from.to_owned(), to.to_owned())
    }

    /// Is it this node?
    pub fn is_node(&self, id: &str) -> bool {
        matches!(self, Target::Node(own) if own == id)
    }

    /// Is it the wire between these?
    pub fn is_wire(&self, from: &str, to: &str) -> bool {
        matches!(self, Target::Wire(a, b) if a == from && b == to)
    }

    /// Is it this node, or a wire that ends at it?
    pub fn touches(&self, id: &str) -> bool {
        match self {
            Target::Node(own) => own == id,
            Target::Wire(from, to) => from == id || to == id,
        }
    }
}

/// What can go wrong, and right again. Where there is a number, it is what [`FaultKind::amount`]
/// says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The node dies and loses what it holds.
    Crash,
    /// The node comes up again, empty.
    Restart,
    /// The node fails everything that would change what it stores.
    RefuseWrites,
    /// It takes changes again.
    AcceptWrites,
    /// Everything takes so many times as long.
    Slow(u8),
    /// It is as fast as ever.
    Normal,
    /// Balancers choose it no more; it goes on with what it has.
    Drain,
    /// Balancers may choose it again.
    Ready,
    /// One member of the node dies.
    CrashPart(u8),
    /// One member comes up again.
    RestartPart(u8),
    /// One member is cut off from the others, and goes on.
    CutPart(u8),
    /// It can be reached by the others again.
    JoinPart(u8),
    /// Of a hundred requests that come to the node so many are answered with an error; 0 is none.
    Errors(u8),
    /// The node stands still and tells nobody; the wire holds what crosses it.
    Pause,
    /// The node goes on where it stood; the wire lets go of what it holds.
    Resume,
    /// The node forgets what it only keeps for a time: a cache is empty.
    Flush,
    /// The node checks others so many times as seldom; 1 is as ever.
    CheckClock(u8),
    /// Nothing crosses the wire any more.
    Cut,
    /// It carries again.
    Join,
    /// Of a hundred crossings so many more are lost; 0 is as ever.
    Lose(u8),
    /// A crossing takes so many ms longer; 0 is as ever.
    Delay(u16),
}

/// The most ms that a wire's delay may be.
const DELAY_MS_MAX: u16 = 60_000;

impl FaultKind {
    /// One of each. Where there is a number, it is one to begin with.
    pub const ALL: [FaultKind; 21] = [
        FaultKind::Crash,
        FaultKind::Restart,
        FaultKind::RefuseWrites,
        FaultKind::AcceptWrites,
        FaultKind::Slow(10),
        FaultKind::Normal,
        FaultKind::CrashPart(0),
        FaultKind::RestartPart(0),
        FaultKind::CutPart(0),
        FaultKind::JoinPart(0),
        FaultKind::Drain,
        FaultKind::Ready,
        FaultKind::Errors(20),
        FaultKind::Pause,
        FaultKind::Resume,
        FaultKind::Flush,
        FaultKind::CheckClock(10),
        FaultKind::Cut,
        FaultKind::Join,
        FaultKind::Lose(20),
        FaultKind::Delay(100),
    ];

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            FaultKind::Crash => "crash",
            FaultKind::Restart => "restart",
            FaultKind::RefuseWrites => "refuse_writes",
            FaultKind::AcceptWrites => "accept_writes",
            FaultKind::Slow(_) => "slow",
            FaultKind::Normal => "normal",
            FaultKind::Drain => "drain",
            FaultKind::Ready => "ready",
            FaultKind::CrashPart(_) => "crash_part",
            FaultKind::RestartPart(_) => "restart_part",
            FaultKind::CutPart(_) => "cut_part",
            FaultKind::JoinPart(_) => "join_part",
            FaultKind::Errors(_) => "errors",
            FaultKind::Pause => "pause",
            FaultKind::Resume => "resume",
            FaultKind::Flush => "flush",
            FaultKind::CheckClock(_) => "check_clock",
            FaultKind::Cut => "cut",
            FaultKind::Join => "join",
            FaultKind::Lose(_) => "lose",
            FaultKind::Delay(_) => "delay",
        }
    }

    /// What happens, for a person who chooses from a list: `crashes`.
    pub fn words(self) -> &'static str {
        match self {
            FaultKind::Crash => "crashes",
            FaultKind::Restart => "comes up again",
            FaultKind::RefuseWrites => "refuses changes",
            FaultKind::AcceptWrites => "takes changes again",
            FaultKind::Slow(_) => "becomes slow",
            FaultKind::Normal => "is as fast as ever",
            FaultKind::Drain => "drains",
            FaultKind::Ready => "may be chosen again",
            FaultKind::CrashPart(_) => "loses a member",
            FaultKind::RestartPart(_) => "has a member back",
            FaultKind::CutPart(_) => "has a member cut off",
            FaultKind::JoinPart(_) => "has a member joined again",
            FaultKind::Errors(_) => "answers errors",
            FaultKind::Pause => "stands still",
            FaultKind::Resume => "goes on",
            FaultKind::Flush => "is emptied",
            FaultKind::CheckClock(_) => "checks seldom",
            FaultKind::Cut => "is cut",
            FaultKind::Join => "carries again",
            FaultKind::Lose(_) => "loses crossings",
            FaultKind::Delay(_) => "is slower",
        }
    }

    /// The same with its number, as in a list of what was planned: `becomes slow, ×10`.
    pub fn sentence(self) -> String {
        match self {
            FaultKind::Slow(factor) => format!("becomes \u{d7}{factor} as slow"),
            FaultKind::CrashPart(n)
            | FaultKind::RestartPart(n)
            | FaultKind::CutPart(n)
            | FaultKind::JoinPart(n) => format!("{}, number {n}", self.words()),
            FaultKind::Errors(0) => "answers no more errors".to_owned(),
            FaultKind::Errors(percent) => format!("answers errors to {percent} %"),
            FaultKind::CheckClock(1) => "checks as often as ever".to_owned(),
            FaultKind::CheckClock(factor) => format!("checks \u{d7}{factor} as seldom"),
            FaultKind::Lose(0) => "loses no more".to_owned(),
            FaultKind::Lose(percent) => format!("loses {percent} % of crossings"),
            FaultKind::Delay(0) => "is as fast as ever".to_owned(),
            FaultKind::Delay(ms) => format!("is {ms} ms slower"),
            plain => plain.words().to_owned(),
        }
    }

    /// The name and the limits of the number that goes with it in files, if one does.
    pub fn amount(self) -> Option<(&'static str, RangeInclusive<u16>)> {
        match self {
            FaultKind::Slow(_) => Some(("factor", 2..=100)),
            FaultKind::CheckClock(_) => Some(("factor", 1..=100)),
            FaultKind::Errors(_) | FaultKind::Lose(_) => Some(("percent", 0..=100)),
            FaultKind::Delay(_) => Some(("ms", 0..=DELAY_MS_MAX)),
            FaultKind::CrashPart(_)
            | FaultKind::RestartPart(_)
            | FaultKind::CutPart(_)
            | FaultKind::JoinPart(_) => Some(("part", 0..=u16::from(PARTS_MAX) - 1)),
            _ => None,
        }
    }

    /// The same with another number, which must be in the limits of its amount.
    pub fn with(self, amount: u16) -> FaultKind {
        let small = amount.min(u16::from(u8::MAX)) as u8;
        match self {
            FaultKind::Slow(_) => FaultKind::Slow(small),
            FaultKind::CrashPart(_) => FaultKind::CrashPart(small),
            FaultKind::RestartPart(_) => FaultKind::RestartPart(small),
            FaultKind::CutPart(_) => FaultKind::CutPart(small),
            FaultKind::JoinPart(_) => FaultKind::JoinPart(small),
            FaultKind::Errors(_) => FaultKind::Errors(small),
            FaultKind::CheckClock(_) => FaultKind::CheckClock(small),
            FaultKind::Lose(_) => FaultKind::Lose(small),
            FaultKind::Delay(_) => FaultKind::Delay(amount),
            plain => plain,
        }
    }

    /// The number that goes with it.
    pub fn number(self) -> Option<u16> {
        match self {
            FaultKind::Slow(n)
            | FaultKind::CrashPart(n)
            | FaultKind::RestartPart(n)
            | FaultKind::CutPart(n)
            | FaultKind::JoinPart(n)
            | FaultKind::Errors(n)
            | FaultKind::CheckClock(n)
            | FaultKind::Lose(n) => Some(u16::from(n)),
            FaultKind::Delay(n) => Some(n),
            _ => None,
        }
    }

    /// Does it make something right again?
    pub fn mends(self) -> bool {
        match self {
            FaultKind::Restart
            | FaultKind::AcceptWrites
            | FaultKind::Normal
            | FaultKind::Ready
            | FaultKind::RestartPart(_)
            | FaultKind::JoinPart(_)
            | FaultKind::Resume
            | FaultKind::Join => true,
            FaultKind::Errors(n) | FaultKind::Lose(n) => n == 0,
            FaultKind::Delay(n) => n == 0,
            FaultKind::CheckClock(n) => n == 1,
            FaultKind::Crash
            | FaultKind::RefuseWrites
            | FaultKind::Slow(_)
            | FaultKind::Drain
            | FaultKind::CrashPart(_)
            | FaultKind::CutPart(_)
            | FaultKind::Pause
            | FaultKind::Flush
            | FaultKind::Cut => false,
        }
    }

    /// What makes it right again, if it is something wrong that lasts.
    pub fn mended(self) -> Option<FaultKind> {
        match self {
            wrong if wrong.mends() => None,
            FaultKind::Crash => Some(FaultKind::Restart),
            FaultKind::RefuseWrites => Some(FaultKind::AcceptWrites),
            FaultKind::Slow(_) => Some(FaultKind::Normal),
            FaultKind::Drain => Some(FaultKind::Ready),
            FaultKind::CrashPart(part) => Some(FaultKind::RestartPart(part)),
            FaultKind::CutPart(part) => Some(FaultKind::JoinPart(part)),
            FaultKind::Errors(_) | FaultKind::Lose(_) | FaultKind::Delay(_) => Some(self.with(0)),
            FaultKind::CheckClock(_) => Some(FaultKind::CheckClock(1)),
            FaultKind::Pause => Some(FaultKind::Resume),
            FaultKind::Cut => Some(FaultKind::Join),
            _ => None,
        }
    }

    /// May it happen to nodes, and may it happen to wires?
    pub fn happens_to(self) -> (bool, bool) {
        match self {
            FaultKind::Cut | FaultKind::Join | FaultKind::Lose(_) | FaultKind::Delay(_) => {
                (false, true)
            }
            FaultKind::Pause | FaultKind::Resume => (true, true),
            _ => (true, false),
        }
    }
}
