//! The kinds that concern balance.

use super::Covered;

/// What this file covers.
pub(crate) const KINDS: &[Covered] = &[];
