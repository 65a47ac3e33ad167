//! OSSEC rules: parse → compile → run.
