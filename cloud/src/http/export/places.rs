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
/// What exports may weigh at once: sixteen of those that take little memory.
const OF_ALL: usize = 16;

/// Who exports at the moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    /// How often each client exports.
    clients: BTreeMap<IpAddr, usize>,
    weight: usize,
}

/// One export's place; free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    client: IpAddr,
    weight: usize,
}

impl Places {
    /// Takes a place for an export of `client` that weighs so much, if it has one left.
    pub(super) fn take(&self, client: IpAddr, weight: usize) -> Result<Place, Problem> {
        let mut taken = self.lock();
        if taken.clients.get(&client).is_some_and(|count| *count >= OF_A_CLIENT) {
            let detail = format!("you have {OF_A_CLIENT} exports already; wait until one is done, or end it");
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-exports", detail));
        }
        if taken.weight + weight > OF_ALL {
            return Err(Problem::unavailable("busy", "others export too much at the moment; ask again"));
        }
        *taken.clients.entry(client).or_default() += 1;
        taken.weight += weight;
        Ok(Place { places: self.clone(), client, weight })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.weight -= self.weight;
        if let Some(count) = taken.clients.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                taken.clients.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::question::Format, *};

    #[test]
    fn a_client_has_two_places_and_all_together_have_sixteen() {
        let places = Places::default();
        let client = |n: u8| IpAddr::from([10, 0, 0, n]);
        let mut held: Vec<_> = (0..16).map(|n| places.take(client(n / 2), 1).unwrap()).collect();
        let full = format!("{:?}", places.take(client(99), 1).unwrap_err());
        assert!(full.contains("busy"), "{full}");
        let third = format!("{:?}", places.take(client(0), 1).unwrap_err());
        assert!(third.contains("too-many-exports"), "{third}");
        held.truncate(1);
        places.take(client(0), 1).unwrap();
    }

    #[test]
    fn p6_of_exports_that_take_much_memory_there_are_three_at_once() {
        let places = Places::default();
        let client = |n: u8| IpAddr::from([10, 0, 0, n]);
        let weight = Format::Parquet.weight();
        let mut held: Vec<_> = (0..3).map(|n| places.take(client(n), weight).unwrap()).collect();
        assert!(format!("{:?}", places.take(client(3), weight).unwrap_err()).contains("busy"));
        held.push(places.take(client(3), Format::Csv.weight()).unwrap());
        assert!(places.take(client(4), 1).is_err(), "there is no room for another");
        held.remove(0);
        places.take(client(4), weight).unwrap();
    }
}
