//! Plans what to do about an alert: never-block, repeated offenders, expiry.
