//! Who is asking: passwords, tokens, keys, and the signatures of the embedding application.
//!
//! [`Authenticator`] answers for a bearer token with an [`Identity`], and makes and ends sessions. What it
//! remembers is only there to spare the store a read; the store decides.

mod accounts;
mod api_keys;
mod authenticator;
mod external;
mod jwt;
mod password;
mod powers;
mod profile;
mod sessions;
mod token;

pub use accounts::{AccountError, SignedIn};
pub use api_keys::check_key_name;
pub use authenticator::{AuthError, Authenticator, Identity};
pub use jwt::AuthSetupError;
pub use password::{PasswordError, check_password_rules, hash_password};
pub use powers::{Powers, Scope};
pub use profile::{DEVICE_NAME_BYTES_MAX, check_avatar, display_name};
pub use token::{SecretToken, TokenKind, secret_hash};

#[cfg(test)]
mod tests;
