//! The disk says no in every way it can; the keeper acknowledges nothing for it, loses nothing, and goes on by itself.

mod full;
mod garbage;
mod salvage;
mod scene;
mod small_disk;
mod trouble;

use super::*;
use crate::{
    disk::OsDisk,
    intake::read_datagram,
    journal::{Damaged, FILE, Holdings, Page, Reader, Seq, summary},
};
use fieldpost_core::{UtcInstant, dating::RESEND_WINDOW};
use jiff::tz::TimeZone;
use scene::{AGAIN, ARRIVED, FULL, Faulty, Scene, Size, at, open};
use std::{collections::BTreeSet, fs, io, net::SocketAddr, path::Path, sync::Mutex};
