//! How bad the network is.

use std::time::Duration;

use tidemark_simulator::proxy::Faults;

/// The faults of a round. They take turns: connections that live for a while, connections that hardly get
/// past their greeting, and slow ones.
pub(crate) fn of(round: u64, seed: u64) -> Faults {
    let rough = Faults {
        seed,
        delay_probability: 0.02,
        delay_max: Duration::from_millis(20),
        bytes_until_cut: Some(500..150_000),
        stall_max: Duration::from_secs(1),
    };
    match round % 3 {
        0 => rough,
        1 => Faults {
            bytes_until_cut: Some(500..20_000),
            stall_max: Duration::from_millis(300),
            ..rough
        },
        _ => Faults {
            delay_probability: 0.2,
            delay_max: Duration::from_millis(40),
            ..rough
        },
    }
}
