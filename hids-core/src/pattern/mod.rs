//! OSSEC's pattern dialects, translated once to linear-time automata.
