//! How others are called.

use std::time::Duration;

use ipnet::IpNet;

use super::reader::Reader;

/// How others are called: webhooks, and bots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhooksConfig {
    /// Networks that may be called although they are not public.
    pub allowed_networks: Vec<IpNet>,
    /// How long one call may take.
    pub timeout: Duration,
}

pub(super) fn webhooks(reader: &mut Reader) -> WebhooksConfig {
    WebhooksConfig {
        allowed_networks: reader.parsed_list(
            "webhooks.allowed_networks",
            "a network like 10.1.0.0/16 or fd00::/8",
            |text| text.parse().ok(),
        ),
        timeout: reader.milliseconds("webhooks.timeout_ms", 10_000, 100..=30_000),
    }
}
