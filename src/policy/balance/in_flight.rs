//! How many requests are in flight in all, kept from what a balancer is told.
//!
//! Strategies that bound a backend's load by the average need the sum at every pick; adding it up
//! each time would make a pick as slow as the list is long.

use super::Backend;

/// The sum of requests in flight over the whole list.
#[derive(Clone, Debug, Default)]
pub(super) struct InFlightSum {
    /// `None` when the list has changed since it was added up.
    sum: Option<u64>,
}

impl InFlightSum {
    /// The list changed: it is added up again when it is next asked for.
    pub(super) fn outdate(&mut self) {
        self.sum = None;
    }

    /// A request was sent.
    pub(super) fn sent(&mut self) {
        self.sum = self.sum.map(|sum| sum + 1);
    }

    /// A request came back.
    pub(super) fn answered(&mut self) {
        self.sum = self.sum.map(|sum| sum.saturating_sub(1));
    }

    /// The sum over those that count.
    pub(super) fn of(&mut self, backends: &[Backend], counts: impl Fn(&Backend) -> bool) -> u64 {
        *self.sum.get_or_insert_with(|| {
            let counted = backends.iter().filter(|backend| counts(backend));
            counted.map(|backend| u64::from(backend.in_flight)).sum()
        })
    }

    /// Is it still what the list adds up to?
    ///
    /// # Errors
    /// Says what differs.
    pub(super) fn check(
        &self,
        backends: &[Backend],
        counts: impl Fn(&Backend) -> bool,
    ) -> Result<(), String> {
        let fresh = InFlightSum::default().of(backends, counts);
        match self.sum {
            Some(sum) if sum != fresh => Err(format!("{fresh} in flight in all, kept is {sum}")),
            _ => Ok(()),
        }
    }
}
