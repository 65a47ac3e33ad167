//! Texts of alerts.log, alerts.json, mail, syslog output.
