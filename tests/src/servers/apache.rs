//! Apache with a server root of its own, logging where the guide looks: `/var/log/httpd`.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result};

use crate::{Host, Running};

/// Program, modules and user, as Debian and as Rocky have them.
const PLACES: &[(&str, &str, &str)] = &[
    ("/usr/sbin/apache2", "/usr/lib/apache2/modules", "www-data"),
    ("/usr/sbin/httpd", "/usr/lib64/httpd/modules", "apache"),
];

/// What most logs are written in.
const COMBINED: &str = r#"%h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i""#;

/// A running Apache with one page, a protected directory and nothing else.
#[derive(Debug)]
pub struct Apache {
    _running: Running,
}

impl Apache {
    /// Starts the server and waits for port 80.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub fn start(host: &Host) -> Result<Self> {
        Self::start_with(host, COMBINED)
    }

    /// The same with another `LogFormat` for the access log.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with(host: &Host, log_format: &str) -> Result<Self> {
        let (program, modules, user) =
            PLACES.iter().find(|(program, ..)| Path::new(program).exists()).context("Apache is not installed")?;
        for directory in ["/run/lab/apache/runtime", "/run/lab/apache/htdocs/private", "/var/log/httpd"] {
            fs::create_dir_all(host.path(directory)).with_context(|| format!("cannot make {directory}"))?;
        }
        host.write("/run/lab/apache/htdocs/index.html", "<title>It works</title>\n")?;
        host.write("/run/lab/apache/httpd.conf", configuration(modules, user, log_format))?;
        let mut command = host.command(program);
        command.args(["-f", "/run/lab/apache/httpd.conf", "-DFOREGROUND"]).stdin(Stdio::null());
        let running = host.start("Apache", command)?;
        host.wait_for_port(80)?;
        Ok(Self { _running: running })
    }
}

fn configuration(modules: &str, user: &str, log_format: &str) -> String {
    let log_format = log_format.replace('"', "\\\"");
    let load = |(name, file): &(&str, &str)| {
        format!("<IfModule !{name}>\n  LoadModule {name} {modules}/{file}.so\n</IfModule>\n")
    };
    let wanted = [
        ("mpm_event_module", "mod_mpm_event"),
        ("unixd_module", "mod_unixd"),
        ("log_config_module", "mod_log_config"),
        ("authz_core_module", "mod_authz_core"),
        ("dir_module", "mod_dir"),
    ];
    let modules: String = wanted.iter().map(load).collect();
    format!(
        "ServerRoot /run/lab/apache
{modules}DefaultRuntimeDir /run/lab/apache/runtime
PidFile /run/lab/apache/runtime/pid
Listen 80
ServerName www1
User {user}
Group {user}
KeepAliveTimeout 60
LogFormat \"{log_format}\" tried
CustomLog /var/log/httpd/access_log tried
ErrorLog /var/log/httpd/error_log
LogLevel warn
DocumentRoot /run/lab/apache/htdocs
DirectoryIndex index.html
<Location /private>
  Require all denied
</Location>
"
    )
}
