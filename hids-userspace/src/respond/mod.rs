//! Carries out what the planner decides: nftables, programs, ledger.
