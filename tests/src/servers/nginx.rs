//! nginx with a prefix of its own, logging where the guide looks: `/var/log/httpd`.

use std::fs;
use std::process::Stdio;

use anyhow::{Context as _, Result};

use crate::{Host, Running};

/// A running nginx with an empty root.
#[derive(Debug)]
pub struct Nginx {
    _running: Running,
}

impl Nginx {
    /// Starts the server with a `log_format` for its access log and waits for port 80.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub fn start(host: &Host, log_format: &str) -> Result<Self> {
        for directory in ["/run/lab/nginx/www", "/var/log/httpd"] {
            fs::create_dir_all(host.path(directory)).with_context(|| format!("cannot make {directory}"))?;
        }
        host.write("/run/lab/nginx/nginx.conf", configuration(log_format))?;
        let mut command = host.command("/usr/sbin/nginx");
        command.args(["-c", "/run/lab/nginx/nginx.conf", "-e", "/run/lab/nginx/error.log"]).stdin(Stdio::null());
        let running = host.start("nginx", command)?;
        host.wait_for_port(80)?;
        Ok(Self { _running: running })
    }
}

fn configuration(log_format: &str) -> String {
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("  {kind}_temp_path /run/lab/nginx/{kind};\n"))
        .collect();
    format!(
        "daemon off;
user root;
worker_processes 1;
pid /run/lab/nginx/pid;
error_log /var/log/httpd/error_log;
events {{}}
http {{
{temporary}  log_format tried '{log_format}';
  access_log /var/log/httpd/access_log tried;
  server {{
    listen 80;
    root /run/lab/nginx/www;
  }}
}}
"
    )
}
