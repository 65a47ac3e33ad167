//! Over SMTP.

use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};

use crate::config::MailTls;
use crate::platform::error_chain::error_chain;

/// Longest wait for a connection and for each answer.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);

/// Port on which TLS begins at once.
const IMPLICIT_TLS_PORT: u16 = 465;

/// Where and how.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub host: String,
    pub port: u16,
    pub tls: MailTls,
    pub login: Option<(String, String)>,
    pub helo: String,
    pub timeout: Duration,
}

/// A recipient the server did not take.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    pub address: Address,
    pub answer: String,
}

/// A mail did not go out.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    /// Now; later perhaps.
    #[error("{0}")]
    Later(String),
    /// The server has deferred recipients for as long as they may hold a mail back, and takes it for nobody.
    #[error("{0}")]
    Deferred(String),
    /// The server refuses the sender or all recipients.
    #[error("{0}")]
    Refused(String),
    /// The server refuses the text: perhaps one alert in it (a virus or spam test string in a log).
    #[error("{0}")]
    RefusedText(String),
}

/// What is done about recipients that the server defers (greylisting, a full mailbox).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deferred {
    /// The whole mail waits: nobody has got it yet.
    Wait,
    /// They have waited long enough: the others get it.
    LeaveOut,
}

impl Server {
    /// Hands `mail` over; gives the recipients that were refused while others were taken.
    pub(super) fn send(
        &self,
        from: &Address,
        recipients: &[Address],
        mail: &[u8],
        deferred: Deferred,
    ) -> Result<Vec<Refused>, SendError> {
        let mut connection = self.connect()?;
        let result = transfer(&mut connection, from, recipients, mail, deferred);
        // After the server's OK a failing QUIT changes nothing.
        match &result {
            Ok(_) => drop(connection.quit()),
            Err(_) => connection.abort(),
        }
        result
    }

    fn connect(&self) -> Result<SmtpConnection, SendError> {
        let implicit = self.port == IMPLICIT_TLS_PORT;
        let mut connection = self.open(implicit)?;
        if !implicit && (self.tls != MailTls::Opportunistic || connection.can_starttls()) {
            if !connection.can_starttls() {
                connection.abort();
                return Err(SendError::Later(
                    "the server does not support STARTTLS, which <secure_smtp> \
                     requires"
                        .into(),
                ));
            }
            let encrypted = connection.starttls(&self.tls_parameters()?, &self.hello());
            match encrypted {
                Ok(()) => {}
                // As mail servers do: an offer of TLS that does not work is no reason to keep mail.
                Err(error) if self.tls == MailTls::Opportunistic && self.login.is_none() => {
                    tracing::warn!(server = %self.host, %error, "STARTTLS failed; sending mail unencrypted");
                    connection = self.open(false)?;
                }
                Err(error) => return Err(later(&error)),
            }
        }
        if let Some((user, password)) = &self.login {
            let credentials = Credentials::new(user.clone(), password.clone());
            connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).map_err(|error| {
                // Also a refused password is for the administrator to repair, not a reason to give up.
                connection.abort();
                SendError::Later(format!("login as {user:?}: {}", chain(&error)))
            })?;
        }
        Ok(connection)
    }

    fn open(&self, implicit_tls: bool) -> Result<SmtpConnection, SendError> {
        let tls = if implicit_tls { Some(self.tls_parameters()?) } else { None };
        let address = (self.host.as_str(), self.port);
        SmtpConnection::connect(address, Some(self.timeout), &self.hello(), tls.as_ref(), None)
            .map_err(|error| SendError::Later(format!("{} ({}:{})", brief(&error), self.host, self.port)))
    }

    fn tls_parameters(&self) -> Result<TlsParameters, SendError> {
        let unverified = self.tls != MailTls::Required;
        TlsParameters::builder(self.host.clone())
            .dangerous_accept_invalid_certs(unverified)
            .dangerous_accept_invalid_hostnames(unverified)
            .build_rustls()
            .map_err(|error| later(&error))
    }

    fn hello(&self) -> ClientId {
        ClientId::Domain(self.helo.clone())
    }
}

fn transfer(
    connection: &mut SmtpConnection,
    from: &Address,
    recipients: &[Address],
    mail: &[u8],
    deferred: Deferred,
) -> Result<Vec<Refused>, SendError> {
    let mut parameters = Vec::new();
    if !mail.is_ascii() && connection.server_info().supports_feature(Extension::EightBitMime) {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    connection.command(Mail::new(Some(from.clone()), parameters)).map_err(|error| answered("sender", &error))?;
    let mut refused = Vec::new();
    let mut final_answers = 0;
    for recipient in recipients {
        if let Err(error) = connection.command(Rcpt::new(recipient.clone(), Vec::new())) {
            if !error.is_permanent() && (!error.is_transient() || deferred == Deferred::Wait) {
                return Err(answered(recipient.as_ref(), &error));
            }
            final_answers += usize::from(error.is_permanent());
            refused.push(Refused { address: recipient.clone(), answer: chain(&error) });
        }
    }
    if refused.len() == recipients.len() {
        let answers: Vec<_> = refused.iter().map(|one| format!("{}: {}", one.address, one.answer)).collect();
        let text = answers.join("; ");
        return Err(if final_answers == refused.len() { SendError::Refused(text) } else { SendError::Deferred(text) });
    }
    connection.command(Data).map_err(|error| answered("DATA", &error))?;
    match connection.message(mail) {
        Ok(_) => Ok(refused),
        Err(error) if error.is_permanent() => Err(SendError::RefusedText(format!("text: {}", chain(&error)))),
        Err(error) => Err(answered("text", &error)),
    }
}

fn answered(what: &str, error: &lettre::transport::smtp::Error) -> SendError {
    let text = format!("{what}: {}", chain(error));
    if error.is_permanent() { SendError::Refused(text) } else { SendError::Later(text) }
}

/// Before the mail itself nothing is final: a closed service (`554` banner) may open again.
fn later(error: &lettre::transport::smtp::Error) -> SendError {
    SendError::Later(chain(error))
}

/// Why the server cannot be reached: the system's reason alone, where there is one.
fn brief(error: &lettre::transport::smtp::Error) -> String {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(error) = inner.downcast_ref::<std::io::Error>() {
            // The kind has no "(os error 111)"; a failed look-up of the name has no kind.
            return if error.raw_os_error().is_some() { error.kind().to_string() } else { error.to_string() };
        }
        cause = inner.source();
    }
    chain(error)
}

/// The error with its causes; what the server said is made visible.
fn chain(error: &dyn std::error::Error) -> String {
    hids_core::render::visible_string(error_chain(error).as_bytes())
}
