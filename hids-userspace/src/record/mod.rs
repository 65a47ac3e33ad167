//! Alert files and the progress journal.
