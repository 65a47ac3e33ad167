//! The control socket between hidsctl and hidsd.
