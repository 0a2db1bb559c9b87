//! TLS to the broker: current rustls with ring, which speaks 1.2 and 1.3 and checks the host's name; the system's roots or a pinned
//! authority, a client certificate where asked for.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::PublishError;
use super::certificates::{Certificates, Holder};
use super::settings::Settings;

/// Builds the configuration of the files as they are now, and notes when what is in them ends; names the file that is wrong.
pub fn client_config(settings: &Settings, known: &Certificates) -> Result<Arc<ClientConfig>, PublishError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let other = |e: &dyn std::error::Error| PublishError::Thread(std::io::Error::other(e.to_string()));
    let usual =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots(settings, known)?), provider.clone());
    let usual = usual.build().map_err(|e| other(&e))?;
    // "Dangerous" is what rustls calls every verifier that is not its own; this one leaves all verdicts to its own.
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| other(&e))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Remembering { usual, known: known.clone() }));
    let config = match (&settings.cert_file, &settings.key_file) {
        (Some(cert), Some(key)) => {
            let chain = certificates(cert, "certificate")?;
            known.chain(Holder::Camera, &chain);
            builder
                .with_client_auth_cert(chain, private_key(key)?)
                .map_err(|e| wrong("certificate and key", cert, format!("{e}; they must belong together")))?
        }
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

/// rustls's own verifier, and a note of when the broker's certificate ends, which is found in no other way.
#[derive(Debug)]
struct Remembering {
    usual: Arc<WebPkiServerVerifier>,
    known: Certificates,
}

impl ServerCertVerifier for Remembering {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = self.usual.verify_server_cert(certificate, intermediates, name, ocsp, now)?;
        self.known.chain(Holder::Broker, std::slice::from_ref(certificate));
        Ok(verdict)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

fn roots(settings: &Settings, known: &Certificates) -> Result<RootCertStore, PublishError> {
    let mut roots = RootCertStore::empty();
    match &settings.ca_file {
        Some(file) => {
            let pinned = certificates(file, "certificate authority")?;
            known.any_of(Holder::Authority, &pinned);
            for certificate in pinned {
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
