//! M/M/1 at load 0.8 in NeXosim, on one thread: a model that makes customers, wired to a model that
//! serves them. `switchyard-peer-nexosim CUSTOMERS` prints seconds and the mean response as JSON.

use std::collections::VecDeque;
use std::error::Error;
use std::time::{Duration, Instant};

use nexosim::model::{Context, Model, schedulable};
use nexosim::ports::{EventSinkReader, Output, SinkState, event_slot};
use nexosim::simulation::{Mailbox, SimInit};
use nexosim::time::MonotonicTime;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

const LOAD: f64 = 0.8;
const SERVICE_NS: f64 = 1e6;

#[derive(Serialize, Deserialize)]
struct Draw(Xoshiro256PlusPlus);

impl Draw {
    fn new(seed: u64) -> Draw {
        Draw(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// Exponential; never zero, which NeXosim would refuse.
    fn span(&mut self, mean_ns: f64) -> Duration {
        let unit = (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        Duration::from_nanos(((-(1.0 - unit).ln() * mean_ns) as u64).max(1))
    }
}

#[derive(Serialize, Deserialize)]
pub struct Source {
    customer: Output<()>,
    draw: Draw,
    left: u64,
}

#[Model]
impl Source {
    #[nexosim(init)]
    async fn init(&mut self, cx: &Context<Self>) {
        self.plan(cx);
    }

    fn plan(&mut self, cx: &Context<Self>) {
        if self.left > 0 {
            self.left -= 1;
            let gap = self.draw.span(SERVICE_NS / LOAD);
            cx.schedule_event(gap, schedulable!(Self::arrive), ()).expect("the gap is positive");
        }
    }

    #[nexosim(schedulable)]
    async fn arrive(&mut self, _: (), cx: &Context<Self>) {
        self.customer.send(()).await;
        self.plan(cx);
    }
}

#[derive(Serialize, Deserialize)]
pub struct Server {
    done: Output<(u64, f64)>,
    draw: Draw,
    /// When those inside came; the first is being served.
    inside: VecDeque<MonotonicTime>,
    wanted: u64,
    served: u64,
    response_ns: f64,
}

#[Model]
impl Server {
    async fn arrive(&mut self, _: (), cx: &Context<Self>) {
        self.inside.push_back(cx.time());
        if self.inside.len() == 1 {
            self.begin(cx);
        }
    }

    fn begin(&mut self, cx: &Context<Self>) {
        let span = self.draw.span(SERVICE_NS);
        cx.schedule_event(span, schedulable!(Self::end), ()).expect("the span is positive");
    }

    #[nexosim(schedulable)]
    async fn end(&mut self, _: (), cx: &Context<Self>) {
        if let Some(born) = self.inside.pop_front() {
            self.served += 1;
            self.response_ns += cx.time().duration_since(born).as_nanos() as f64;
        }
        if !self.inside.is_empty() {
            self.begin(cx);
        }
        if self.served == self.wanted {
            self.done.send((self.served, self.response_ns)).await;
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let customers: u64 = std::env::args().nth(1).ok_or("usage: CUSTOMERS")?.parse()?;
    let mut source = Source { customer: Output::default(), draw: Draw::new(1), left: customers };
    let mut server = Server {
        done: Output::default(),
        draw: Draw::new(2),
        inside: VecDeque::new(),
        wanted: customers,
        served: 0,
        response_ns: 0.0,
    };
    let (source_box, server_box) = (Mailbox::new(), Mailbox::new());
    source.customer.connect(Server::arrive, &server_box);
    let (sink, mut result) = event_slot(SinkState::Enabled);
    server.done.connect_sink(sink);
    let mut simulation = SimInit::with_num_threads(1)
        .add_model(source, source_box, "source")
        .add_model(server, server_box, "server")
        .init(MonotonicTime::EPOCH)?;
    let began = Instant::now();
    simulation.run()?;
    let seconds = began.elapsed().as_secs_f64();
    let (served, response_ns): (u64, f64) = result.try_read().ok_or("not all were served")?;
    let response = response_ns / served as f64 / SERVICE_NS;
    println!(r#"{{"seconds": {seconds}, "response": {response}}}"#);
    Ok(())
}
