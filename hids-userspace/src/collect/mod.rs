//! Reads logs, the journal and command output into batches.
