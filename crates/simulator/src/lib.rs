//! Fault tools: what the real world does to a chat server, on purpose and from a seed.
//!
//! [`proxy`] is a network that delays, stalls and cuts; [`node`] runs the real program and kills it;
//! [`postgres`], [`nats`], [`seaweedfs`], [`clamav`] and [`balancer`] run the services beside it, and [`certificates`] signs
//! what encrypts the ways to them. They know nothing of each other: [`cluster`] puts them together. [`check`] says what must hold
//! afterwards, whatever happened.

pub mod balancer;
pub mod certificates;
pub mod check;
pub mod clamav;
pub mod cluster;
pub mod nats;
pub mod node;
pub mod postgres;
pub mod proxy;
pub mod seaweedfs;
mod supervised;
