//! TLS to the broker: current rustls with ring, its own roots or a pinned authority, a client certificate where asked for.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::PublishError;
use super::settings::Settings;

/// Builds the configuration; names the file that is wrong.
pub fn client_config(settings: &Settings) -> Result<Arc<ClientConfig>, PublishError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| PublishError::Thread(std::io::Error::other(e)))?
        .with_root_certificates(roots(settings)?);
    let config = match (&settings.cert_file, &settings.key_file) {
        (Some(cert), Some(key)) => builder
            .with_client_auth_cert(certificates(cert, "certificate")?, private_key(key)?)
            .map_err(|e| wrong("certificate and key", cert, format!("{e}; they must belong together")))?,
        (Some(file), None) | (None, Some(file)) => {
            return Err(wrong(
                "client certificate",
                file,
                "cert_file and key_file are needed together".into(),
            ));
        }
        (None, None) => builder.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

fn roots(settings: &Settings) -> Result<RootCertStore, PublishError> {
    let mut roots = RootCertStore::empty();
    match &settings.ca_file {
        Some(file) => {
            for certificate in certificates(file, "certificate authority")? {
                roots.add(certificate).map_err(|e| wrong("certificate authority", file, e.to_string()))?;
            }
        }
        None => {
            let (_, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        let remedy = "no authority is known on this system; install ca-certificates or set ca_file".into();
        return Err(wrong("certificate authorities", Path::new("/etc/ssl/certs"), remedy));
    }
    Ok(roots)
}

fn certificates(file: &Path, what: &'static str) -> Result<Vec<CertificateDer<'static>>, PublishError> {
    let bad =
        |e: rustls::pki_types::pem::Error| wrong(what, file, format!("{e}; it must be a readable PEM file"));
    let all: Vec<_> =
        CertificateDer::pem_file_iter(file).map_err(bad)?.collect::<Result<_, _>>().map_err(bad)?;
    if all.is_empty() {
        return Err(wrong(what, file, "holds no certificate; it must be a PEM file".into()));
    }
    Ok(all)
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, PublishError> {
    PrivateKeyDer::from_pem_file(file).map_err(|e| {
        wrong("private key", file, format!("{e}; it must be a readable PEM file without pass phrase"))
    })
}

fn wrong(what: &'static str, path: &Path, reason: String) -> PublishError {
    PublishError::Credential { what, path: path.into(), reason }
}
