//! How many exports there are at once: each holds a thread and some memory for as long as its client takes.

use crate::http::problem::Problem;
use axum::http::StatusCode;
use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Exports of one address at once.
const OF_A_CLIENT: usize = 2;
/// Exports at once.
const OF_ALL: usize = 16;

/// Who exports at the moment, and how often.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places(Arc<Mutex<BTreeMap<IpAddr, usize>>>);

/// One export's place; free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    client: IpAddr,
}

impl Places {
    /// Takes a place for `client`, if it has one left.
    pub(super) fn take(&self, client: IpAddr) -> Result<Place, Problem> {
        let mut taken = self.lock();
        if taken.get(&client).is_some_and(|count| *count >= OF_A_CLIENT) {
            let detail = format!("you have {OF_A_CLIENT} exports already; wait until one is done, or end it");
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-exports", detail));
        }
        if taken.values().sum::<usize>() >= OF_ALL {
            return Err(Problem::unavailable("busy", "others export too much at the moment; ask again"));
        }
        *taken.entry(client).or_default() += 1;
        Ok(Place { places: self.clone(), client })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        if let Some(count) = taken.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_two_places_and_all_together_have_sixteen() {
        let places = Places::default();
        let client = |n: u8| IpAddr::from([10, 0, 0, n]);
        let mut held: Vec<_> = (0..16).map(|n| places.take(client(n / 2)).unwrap()).collect();
        let full = format!("{:?}", places.take(client(99)).unwrap_err());
        assert!(full.contains("busy"), "{full}");
        let third = format!("{:?}", places.take(client(0)).unwrap_err());
        assert!(third.contains("too-many-exports"), "{third}");
        held.truncate(1);
        places.take(client(0)).unwrap();
    }
}
