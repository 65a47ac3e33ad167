//! OSSEC decoders: parse → compile → run.
