//! What people want to know about devices, as rules and arithmetic: who is silent and why, what was due, how a curve is
//! thinned. Nothing here reads a clock or knows SQL; the store brings the rows, HTTP prints what comes out.

pub(crate) mod cause;
pub(crate) mod missing;
pub(crate) mod pace;
pub(crate) mod select;
pub(crate) mod slots;
pub(crate) mod spark;
pub(crate) mod state;
pub(crate) mod thin;
