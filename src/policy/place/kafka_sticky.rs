//! Kafka's producer, records without a key: stay on one partition for a batch, then move on.
//!
//! Spreading every record would fill many small batches; so all go to one partition until a batch's
//! worth of bytes was sent there (`batch.size`, 16384), and then another partition is drawn. The
//! move waits for the batch at hand to be complete, but not beyond twice that size. The draw is
//! adaptive: a partition with q batches in its queue has the weight max + 1 − q, so a slow broker,
//! whose queues grow, is drawn less. When all queues are alike, all partitions are.
//!
//! Source: KIP-794, Apache Kafka `BuiltInPartitioner` (October 2024).

/// Kafka's default `batch.size`, in bytes.
pub const BATCH_SIZE: u64 = 16_384;

/// The weights of partitions as running sums.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adaptive {
    sums: Vec<u64>,
}

impl Adaptive {
    /// From how many batches wait for each partition. `None` when every partition is as good as
    /// any other: fewer than two of them, or all queues alike.
    pub fn new(queues: &[u32]) -> Option<Adaptive> {
        let most = u64::from(*queues.iter().max()?);
        if queues.len() < 2 || queues.iter().all(|&queue| u64::from(queue) == most) {
            return None;
        }
        let sum = |sum: &mut u64, &queue: &u32| {
            *sum += most + 1 - u64::from(queue);
            Some(*sum)
        };
        Some(Adaptive { sums: queues.iter().scan(0, sum).collect() })
    }

    /// The running sums.
    pub fn sums(&self) -> &[u64] {
        &self.sums
    }

    /// The partition that a random number selects: the first whose sum is above its rest.
    pub fn partition(&self, random: u64) -> usize {
        let total = self.sums.last().copied().unwrap_or(1);
        self.sums.partition_point(|&sum| sum <= random % total)
    }
}

/// Where the records go now, and how much went there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sticky {
    /// The partition.
    pub partition: usize,
    /// How many bytes were sent to it since it was drawn.
    pub sent: u64,
}

impl Sticky {
    /// Begins with this partition.
    pub fn on(partition: usize) -> Sticky {
        Sticky { partition, sent: 0 }
    }

    /// Some bytes were added to a batch. Is it time to draw another partition? `complete` says
    /// whether the batch at hand is.
    pub fn add(&mut self, bytes: u64, complete: bool, batch_size: u64) -> bool {
        self.sent = self.sent.saturating_add(bytes);
        self.sent >= batch_size.saturating_mul(2) || (complete && self.sent >= batch_size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example in Kafka's own comment.
    #[test]
    fn long_queues_are_drawn_less() {
        let adaptive = Adaptive::new(&[0, 3, 1]).expect("not alike");
        assert_eq!(adaptive.sums(), [4, 5, 8]);
        let drawn: Vec<usize> = (0..8).map(|random| adaptive.partition(random)).collect();
        assert_eq!(drawn, [0, 0, 0, 0, 1, 2, 2, 2]);
        assert_eq!(adaptive.partition(u64::MAX), adaptive.partition(u64::MAX % 8));
        for alike in [&[][..], &[7], &[2, 2, 2]] {
            assert_eq!(Adaptive::new(alike), None);
        }
    }

    #[test]
    fn the_batch_at_hand_is_completed_but_not_for_ever() {
        let mut sticky = Sticky::on(2);
        assert!(!sticky.add(BATCH_SIZE - 1, true, BATCH_SIZE));
        assert!(!sticky.add(1, false, BATCH_SIZE), "waits for the batch to be complete");
        assert!(sticky.add(0, true, BATCH_SIZE));
        assert!(sticky.add(BATCH_SIZE, false, BATCH_SIZE), "but not beyond twice the size");
        assert!(sticky.add(u64::MAX, false, u64::MAX));
    }
}
