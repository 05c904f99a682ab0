//! Why a server did what it did, in its own numbers.

use super::Server;
use super::config::Discipline;
use crate::sim::{Context, Line, LinkId, Op, Outcome, Sink, Span, Why};

impl Server {
    /// A request came: a core of its own, a place in line, or neither.
    pub(super) fn explain<S: Sink + ?Sized>(
        &self,
        free: Option<usize>,
        why: &mut Why,
        cx: &Context<'_, S>,
    ) {
        let (cores, limit, ahead) = (self.config.cores, self.config.queue_limit, self.line_len());
        let name = cx.own_name();
        let (busy, held) = (self.busy.value(), self.held_cores());
        why.line(|| Line {
            subject: "cores".to_owned(),
            numbers: match held {
                0 => format!("{busy} of {cores} busy"),
                held => format!("{busy} + {held} held = {} of {cores} busy", busy + held),
            },
            chosen: free.is_some(),
        });
        if let Some(core) = free {
            why.title(|| format!("{name} took it at once"));
            why.say(|| format!("Core {} was free, so it did not wait.", core + 1));
            return;
        }
        let fits = ahead < limit as usize;
        why.line(|| Line {
            subject: "queue".to_owned(),
            numbers: format!("{ahead} of {limit} places taken"),
            chosen: fits,
        });
        if fits {
            why.title(|| format!("{name} let it wait"));
            why.say(|| match (ahead, self.config.discipline) {
                (0, _) => "Every core was busy; nobody was waiting before it.".to_owned(),
                (1, Discipline::Lifo) => {
                    "Every core was busy; it goes before the one that waits.".to_owned()
                }
                (_, Discipline::Lifo) => {
                    format!("Every core was busy; it goes before the {ahead} that wait.")
                }
                (1, _) => "Every core was busy; one request was waiting before it.".to_owned(),
                _ => format!("Every core was busy; {ahead} requests were waiting before it."),
            });
        } else {
            why.title(|| format!("{name} turned it away"));
            why.say(|| "Every core was busy and every waiting place taken: queue full.".to_owned());
        }
    }

    /// Cores held by requests for which others are asked.
    fn held_cores(&self) -> u32 {
        self.cores.iter().filter(|core| **core == super::Core::Held).count() as u32
    }

    /// A request came where all share the cores.
    pub(super) fn explain_sharing<S: Sink + ?Sized>(
        &self,
        fits: bool,
        why: &mut Why,
        cx: &Context<'_, S>,
    ) {
        let (name, cores, limit) =
            (cx.own_name(), u32::from(self.config.cores), self.config.queue_limit);
        let (there, held) = (self.sharing.len() as u32, self.held.value());
        why.line(|| Line {
            subject: "places".to_owned(),
            numbers: format!("{there} + {held} of {cores} + {limit} taken"),
            chosen: fits,
        });
        if !fits {
            why.title(|| format!("{name} turned it away"));
            why.say(|| "Every place was taken: queue full.".to_owned());
            return;
        }
        let all = there + 1;
        why.line(|| Line {
            subject: "speed".to_owned(),
            numbers: match all <= cores {
                true => format!("{all} on {cores} cores: a whole core each"),
                false => format!(
                    "{cores} / {all} = {:.3} of a core each",
                    f64::from(cores) / f64::from(all)
                ),
            },
            chosen: true,
        });
        why.title(|| format!("{name} took it in with the others"));
        why.say(|| match there {
            0 => "Nobody else was there.".to_owned(),
            1 => "It shares the cores with one other from here on.".to_owned(),
            there => format!("It shares the cores with {there} others from here on."),
        });
    }

    /// A request came and found no memory.
    pub(super) fn explain_memory<S: Sink + ?Sized>(&self, why: &mut Why, cx: &Context<'_, S>) {
        let (name, each, memory) =
            (cx.own_name(), self.config.memory_per_request, self.config.memory_gb * 1e3);
        let here = self.here;
        why.line(|| Line {
            subject: "memory".to_owned(),
            numbers: format!(
                "({here} + 1) \u{d7} {each} MB = {} MB of {memory} MB",
                f64::from(here + 1) * each
            ),
            chosen: false,
        });
        why.title(|| format!("{name} turned it away"));
        why.say(|| "There was not enough memory for one more: memory full.".to_owned());
    }

    /// Somebody who waited is next.
    pub(super) fn explain_next<S: Sink + ?Sized>(
        &self,
        slot: u32,
        why: &mut Why,
        cx: &Context<'_, S>,
    ) {
        let (name, left) = (cx.own_name(), self.line_len());
        let waited = cx.request(slot).map_or(Span::ZERO, |r| cx.now().since(r.since));
        why.line(|| Line {
            subject: "in line".to_owned(),
            numbers: format!("waited {waited}, {left} wait on"),
            chosen: true,
        });
        why.title(|| format!("{name} took it from the line"));
        why.say(|| match self.config.discipline {
            Discipline::Lifo => "A core was free, and it had come last.".to_owned(),
            _ => "A core was free, and it had waited longest.".to_owned(),
        });
    }

    /// An answer goes out.
    pub(super) fn explain_sending<S: Sink + ?Sized>(
        &self,
        slot: u32,
        span: Span,
        why: &mut Why,
        cx: &Context<'_, S>,
    ) {
        let (name, kb, gbps) = (cx.own_name(), self.config.response_kb, self.config.network_gbps);
        let request = cx.request(slot);
        let waited = request.map_or(Span::ZERO, |r| match r.place {
            crate::sim::Place::Waiting(_) => cx.now().since(r.since),
            _ => Span::ZERO,
        });
        why.line(|| Line {
            subject: "network".to_owned(),
            numbers: format!("{kb} KB \u{d7} 8 / {gbps} Gbps = {span}"),
            chosen: true,
        });
        why.title(|| format!("{name} sent its answer"));
        why.say(|| match (waited, self.outbox.len()) {
            (Span::ZERO, _) => "The network was free.".to_owned(),
            (waited, 0) => format!("It had waited {waited} for the network."),
            (waited, n) => format!("It had waited {waited} for the network; {n} wait on."),
        });
    }

    /// The cache is asked, or told.
    pub(super) fn explain_cache<S: Sink + ?Sized>(
        &self,
        slot: u32,
        op: Op,
        came_for: Op,
        cx: &mut Context<'_, S>,
    ) {
        let mut why = cx.why(slot);
        if why.wanted() {
            let name = cx.own_name();
            let cache =
                self.cache.map_or_else(|| "the cache".into(), |link| cx.peer(link).name.clone());
            why.title(|| match op {
                Op::Read => format!("{name} asked {cache} first"),
                Op::Fill => format!("{name} put it into {cache}"),
                _ => format!("{name} told {cache} to forget it"),
            });
            why.say(|| {
                match (op, came_for) {
                    (Op::Read, _) => {
                        "Cache-aside: a hit is the answer; a miss, or an error of the \
                                      cache, sends it on to the store."
                    }
                    (Op::Fill, Op::Read) => {
                        "It was fetched from the store; what the cache says to \
                                             this changes nothing about the answer."
                    }
                    (Op::Fill, _) => {
                        "The store has the new value. Should the cache fail now, that \
                                      is the answer, although the store has it."
                    }
                    _ => "The store has the change: the next read fetches it from there.",
                }
                .to_owned()
            });
        }
        cx.decided(slot, why);
    }

    /// A store is asked with the request itself.
    pub(super) fn explain_store<S: Sink + ?Sized>(
        &self,
        slot: u32,
        link: LinkId,
        cx: &mut Context<'_, S>,
    ) {
        let mut why = cx.why(slot);
        if why.wanted() {
            let (name, peer) = (cx.own_name(), cx.peer(link).name.clone());
            let place = self.stores.iter().position(|&store| store == link).unwrap_or(0) + 1;
            let of = self.stores.len();
            why.line(|| Line {
                subject: peer.to_string(),
                numbers: format!("{place} of {of} in turn"),
                chosen: true,
            });
            why.title(|| format!("{name} asked {peer}"));
            why.say(|| self.about_the_core());
        }
        cx.decided(slot, why);
    }

    /// All stores are called.
    pub(super) fn explain_all<S: Sink + ?Sized>(&self, slot: u32, cx: &mut Context<'_, S>) {
        let mut why = cx.why(slot);
        if why.wanted() {
            let (name, of) = (cx.own_name(), self.stores.len());
            for &link in &self.stores {
                let peer = cx.peer(link).name.to_string();
                why.line(|| Line { subject: peer, numbers: "called".to_owned(), chosen: true });
            }
            why.title(|| match of {
                1 => format!("{name} made a call"),
                of => format!("{name} made {of} calls at once"),
            });
            why.say(|| {
                format!("The last to answer decides how long it takes. {}", self.about_the_core())
            });
        }
        cx.decided(slot, why);
    }

    fn about_the_core(&self) -> String {
        match (self.config.hold, self.shares()) {
            (true, false) => "Its core is held until the answer is there.".to_owned(),
            (true, true) => "Its place is held until the answer is there.".to_owned(),
            (false, _) => "Meanwhile its core is free for others.".to_owned(),
        }
    }

    /// Somebody behind it failed.
    pub(super) fn explain_failure<S: Sink + ?Sized>(
        &self,
        slot: u32,
        failure: Outcome,
        cx: &mut Context<'_, S>,
    ) {
        let mut why = cx.why(slot);
        if why.wanted() {
            let name = cx.own_name();
            why.title(|| format!("{name} gave up on it"));
            why.say(|| match failure {
                Outcome::Failed(reason, _) => {
                    format!("Somebody it asked failed: {}.", reason.words())
                }
                Outcome::Pending | Outcome::Done => {
                    "The link to whoever it had to ask is gone.".to_owned()
                }
            });
        }
        cx.decided(slot, why);
    }
}
