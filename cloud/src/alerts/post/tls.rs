//! The one way in which messages are encrypted: rustls with ring, and the certificates that the system trusts.

use rustls::{ClientConfig, RootCertStore, crypto::ring};
use std::sync::Arc;

/// Reads the system's certificates, which takes some milliseconds.
///
/// # Errors
/// If there are none.
pub(crate) fn config() -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        // Plain addresses work all the same.
        tracing::warn!(
            "the system has no certificates to trust (package ca-certificates): no https, smtps or mqtts"
        );
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
