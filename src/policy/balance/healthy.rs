//! The places of the healthy backends, for strategies that draw among them.
//!
//! Kept instead of looked for, so that a draw costs the same however many there are. Rebuilt when
//! the list or somebody's health changes, which is rare beside picks.

use super::Backend;

/// The places in the list of those that are healthy, in list order.
#[derive(Clone, Debug, Default)]
pub(super) struct Healthy {
    places: Vec<usize>,
}

impl Healthy {
    /// Looks at the list again.
    pub(super) fn refresh(&mut self, backends: &[Backend]) {
        self.places.clear();
        let healthy = backends.iter().enumerate().filter(|(_, backend)| backend.healthy);
        self.places.extend(healthy.map(|(place, _)| place));
    }

    /// The places.
    pub(super) fn places(&self) -> &[usize] {
        &self.places
    }

    /// Does it agree with the list?
    ///
    /// # Errors
    /// Says where it does not.
    pub(super) fn check(&self, backends: &[Backend]) -> Result<(), String> {
        let mut fresh = Healthy::default();
        fresh.refresh(backends);
        match fresh.places == self.places {
            true => Ok(()),
            false => Err(format!("healthy are {:?}, kept are {:?}", fresh.places, self.places)),
        }
    }
}
