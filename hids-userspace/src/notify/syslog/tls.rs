//! TLS towards a syslog server.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme, StreamOwned};

use crate::config::SyslogOutputConfig;

/// An encrypted stream.
pub(super) type Stream = StreamOwned<ClientConnection, TcpStream>;

/// How certificates are checked.
pub(super) struct Config(Arc<ClientConfig>);

impl Config {
    /// From `<tls_verify>` and `<tls_ca>`; the error names what is wrong.
    pub(super) fn new(config: &SyslogOutputConfig) -> Result<Self, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        if !config.tls_verify {
            let unverified = Arc::new(Unverified(provider));
            let config = builder.dangerous().with_custom_certificate_verifier(unverified).with_no_client_auth();
            return Ok(Self(Arc::new(config)));
        }
        let mut roots = RootCertStore::empty();
        match &config.tls_ca {
            Some(path) => {
                let fail = |error: &dyn std::fmt::Display| format!("<tls_ca> {}: {error}", path.display());
                for certificate in CertificateDer::pem_file_iter(path).map_err(|error| fail(&error))? {
                    let certificate = certificate.map_err(|error| fail(&error))?;
                    roots.add(certificate).map_err(|error| fail(&error))?;
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        if roots.is_empty() {
            return Err("no certificate authority to verify the server".into());
        }
        Ok(Self(Arc::new(builder.with_root_certificates(roots).with_no_client_auth())))
    }

    /// Encrypts `stream`; the handshake is done when this returns.
    pub(super) fn connect(&self, server: &str, mut stream: TcpStream) -> io::Result<Stream> {
        let name = ServerName::try_from(server.to_owned()).map_err(io::Error::other)?;
        let mut connection = ClientConnection::new(Arc::clone(&self.0), name).map_err(io::Error::other)?;
        connection.complete_io(&mut stream)?;
        Ok(StreamOwned::new(connection, stream))
    }
}

/// `<tls_verify>no`: any certificate will do; the handshake itself is still checked.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
