//! The broker by itself: nothing is lost unseen, whatever happens to it.

use proptest::prelude::*;

use super::*;
use crate::sim::Span;

fn ms(ms: u64) -> Time {
    Time::ZERO + Span::from_millis(ms)
}

fn message(body: u32, persistent: bool) -> Message<u32> {
    let mut message = Message::new(body, 1);
    (message.routing_key, message.persistent) = ("q".into(), persistent);
    message
}

#[test]
fn what_comes_back_takes_its_old_place() {
    let mut broker = Broker::default();
    broker.declare_queue("q", QueueArgs::default());
    let one = broker.new_consumer();
    broker.subscribe("q", one, ConsumerArgs { prefetch: 2, ..ConsumerArgs::default() }, ms(0));
    for body in 0..4 {
        broker.publish(message(body, false), false, ms(0)).expect("the default exchange");
    }
    assert_eq!(broker.take_deliveries().len(), 2);
    broker.close(one, ms(1));
    let queue = broker.queue("q").expect("it is there");
    let order: Vec<(u32, bool)> = queue.waiting().map(|m| (m.body, m.redelivered)).collect();
    assert_eq!(order, [(0, true), (1, true), (2, false), (3, false)]);
}

#[test]
fn a_queue_that_feeds_itself_drops_and_one_with_a_refusal_goes_on() {
    let mut broker = Broker::default();
    let dead = |to: &str, ttl: Option<Span>| QueueArgs {
        ttl,
        dead_letter_exchange: Some("".into()),
        dead_letter_key: Some(to.into()),
        ..QueueArgs::default()
    };
    broker.declare_queue("q", dead("q", Some(Span::from_millis(5))));
    broker.publish(message(1, false), false, ms(0)).expect("the default exchange");
    broker.tick(ms(5));
    let gone = broker.take_gone();
    assert_eq!((gone.len(), gone[0].cycle, gone[0].dead_lettered), (1, true, 0));
    broker.declare_queue("q", dead("later", None));
    broker.declare_queue("later", dead("q", Some(Span::from_millis(5))));
    broker.publish(message(2, false), false, ms(10)).expect("the default exchange");
    for round in 1..=3 {
        let got = broker.get("q", ConsumerId(9), ms(10 * round)).expect("it is back");
        assert_eq!(got.message.died("q", Cause::Rejected), round as u32 - 1);
        broker.nack(got.tag.expect("to be acknowledged"), false, ms(10 * round));
        broker.tick(ms(10 * round + 5));
    }
}

proptest! {
    /// Whatever is done: what was taken in is waiting, out, acknowledged, gone or lost.
    #[test]
    fn everything_is_somewhere(
        auto_ack: bool,
        durable: bool,
        limit in prop::option::of(1u64..6),
        ttl in prop::option::of(1u64..40),
        returns in prop::option::of(0u32..3),
        steps in prop::collection::vec((0u8..8, any::<u8>()), 0..120),
    ) {
        let mut broker = Broker::default();
        let args = QueueArgs {
            durable,
            length_max: limit,
            ttl: ttl.map(Span::from_millis),
            delivery_limit: returns,
            ..QueueArgs::default()
        };
        broker.declare_queue("q", args.clone());
        let taking = ConsumerArgs { prefetch: 3, auto_ack, priority: 0 };
        let (mut taken, mut done, mut gone, mut lost) = (0, 0, 0, 0);
        let (mut held, mut readers) = (Vec::<(ConsumerId, Tag)>::new(), Vec::new());
        for (number, (what, gene)) in steps.into_iter().enumerate() {
            let now = ms(number as u64 * 7);
            let some = usize::from(gene);
            match what {
                0..=2 => {
                    let published = broker.publish(message(0, gene % 2 == 0), false, now);
                    taken += published.expect("the default exchange").queues;
                }
                3 if readers.len() < 3 => {
                    let id = broker.new_consumer();
                    if broker.subscribe("q", id, taking, now) {
                        readers.push(id);
                    }
                }
                4 if !held.is_empty() => {
                    let (_, tag) = held.remove(some % held.len());
                    done += usize::from(broker.ack(tag, now));
                }
                5 if !held.is_empty() => {
                    let (_, tag) = held.remove(some % held.len());
                    broker.nack(tag, gene % 2 == 0, now);
                }
                6 if !readers.is_empty() => {
                    let id = readers.remove(some % readers.len());
                    broker.close(id, now);
                    held.retain(|(holder, _)| *holder != id);
                }
                7 => {
                    lost += broker.restart(gene % 2 == 0, now).len();
                    (held, readers) = (Vec::new(), Vec::new());
                    broker.declare_queue("q", args.clone());
                }
                _ => broker.tick(now),
            }
            for delivery in broker.take_deliveries() {
                match delivery.tag {
                    Some(tag) => held.push((delivery.consumer, tag)),
                    None => done += 1,
                }
            }
            gone += broker.take_gone().len();
            let queue = broker.queue("q").expect("it is there");
            prop_assert_eq!(queue.unacked(), held.len());
            prop_assert_eq!(taken, queue.depth() + held.len() + done + gone + lost);
            prop_assert!(limit.is_none_or(|most| queue.depth() as u64 <= most));
        }
    }
}
