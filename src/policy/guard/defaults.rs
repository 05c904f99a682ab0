//! What the libraries do *around* their guards unless told otherwise.
//!
//! These belong to whoever sends the request and not to a guard: time limits and numbers of
//! attempts. They are here so that a client that imitates a library has them from one place.

use crate::sim::Span;

/// Hystrix 1.5.18: how many buckets its dashboards show the ten seconds in. The breaker itself
/// counts in finer ones, one for each health snapshot.
pub const HYSTRIX_BUCKETS: u32 = 10;

/// resilience4j's TimeLimiter gives up after this.
pub const RESILIENCE4J_TIME_LIMIT: Span = Span::from_millis(1_000);
/// resilience4j's Retry: attempts in all, the first included.
pub const RESILIENCE4J_ATTEMPTS: u32 = 3;
/// resilience4j's Bulkhead: how long to wait for a place. Not at all.
pub const RESILIENCE4J_BULKHEAD_WAIT: Span = Span::ZERO;

/// botocore's standard mode: attempts in all, the first included.
pub const BOTOCORE_ATTEMPTS: u32 = 3;
/// botocore's standard mode: the scale of the wait after a throttled answer.
pub const BOTOCORE_SCALE_THROTTLED: Span = Span::from_millis(1_000);
/// botocore's standard mode: the scale of the wait after any other failure.
pub const BOTOCORE_SCALE: Span = Span::from_millis(50);
/// The same for DynamoDB.
pub const BOTOCORE_SCALE_DYNAMODB: Span = Span::from_millis(25);
