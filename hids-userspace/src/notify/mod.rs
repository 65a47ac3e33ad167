//! Sends alerts to people and servers: mail, syslog.
