//! Start and stop order, wiring, reload, status.
