//! hidsd
fn main() {}
