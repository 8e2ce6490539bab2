//! The limits of the histograms' buckets: few, at values that decide something, because each costs every
//! route one more series.

pub(super) const SECONDS_OF_VERIFICATION: &[f64] = &[0.000_05, 0.000_25, 0.001, 0.005, 0.025];
/// Twenty waits for 5 s, and 30 s is the default of `upstream_timeout`.
pub(super) const SECONDS_OF_UPSTREAM: &[f64] =
    &[0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
pub(super) const BODY_BYTES: &[f64] = &[
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    10_485_760.0,
];
/// 300 s is the default of `max_age` and `max_skew`, and at half of that a delay is told of. Clocks that are kept well
/// are less than 1 s apart.
pub(super) const SECONDS_OF_AGE: &[f64] = &[
    -300.0, -60.0, -5.0, -1.0, 0.0, 1.0, 5.0, 30.0, 60.0, 150.0, 300.0,
];
/// 50 ms is the default of `replay.timeout`.
pub(super) const SECONDS_OF_REPLAY_STORE: &[f64] = &[
    0.000_005, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.25,
];
#[cfg(test)]
pub(super) const ALL: [&[f64]; 5] = [
    SECONDS_OF_REPLAY_STORE,
    SECONDS_OF_VERIFICATION,
    SECONDS_OF_UPSTREAM,
    BODY_BYTES,
    SECONDS_OF_AGE,
];
