//! Counting by keys: who is found, and what is kept.
