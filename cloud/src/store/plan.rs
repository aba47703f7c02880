//! The picture under the field's map.

use super::{ReadError, Store, SubmitError, query::instant};
use bytes::Bytes;
use fieldpost_core::UtcInstant;
use rusqlite::{Connection, OptionalExtension};

/// Where the picture lies, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) content_type: String,
    /// Its southern, western, northern and eastern edge, in millionths of a degree.
    pub(crate) edges: [i64; 4],
    pub(crate) updated: UtcInstant,
}

const PLAN: &str = "SELECT content_type, south, west, north, east, updated";

impl Store {
    /// The plan, if there is one.
    pub(crate) async fn plan(&self) -> Result<Option<Plan>, ReadError> {
        let ask = |connection: &Connection| {
            connection.prepare_cached(&format!("{PLAN} FROM plan"))?.query_row([], plan).optional()
        };
        self.readers.ask(ask).await
    }

    /// The plan and its picture, if there is one.
    pub(crate) async fn plan_image(&self) -> Result<Option<(Plan, Vec<u8>)>, ReadError> {
        let ask = |connection: &Connection| {
            let mut statement = connection.prepare_cached(&format!("{PLAN}, image FROM plan"))?;
            statement.query_row([], |row| Ok((plan(row)?, row.get(6)?))).optional()
        };
        self.readers.ask(ask).await
    }

    /// Puts `plan` with `image` in the place of what there is.
    pub(crate) async fn set_plan(&self, plan: Plan, image: Bytes) -> Result<(), SubmitError> {
        self.write(move |transaction| {
            let [south, west, north, east] = plan.edges;
            transaction
                .prepare_cached("INSERT OR REPLACE INTO plan VALUES (1, ?, ?, ?, ?, ?, ?, ?)")?
                .execute((
                    plan.content_type,
                    south,
                    west,
                    north,
                    east,
                    plan.updated.as_millis(),
                    image.as_ref(),
                ))?;
            Ok(())
        })
        .await
    }

    /// Removes the plan.
    pub(crate) async fn remove_plan(&self) -> Result<(), SubmitError> {
        self.write(|transaction| transaction.execute("DELETE FROM plan", []).map(|_| ())).await
    }
}

fn plan(row: &rusqlite::Row<'_>) -> rusqlite::Result<Plan> {
    let edges = [row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?];
    Ok(Plan { content_type: row.get(0)?, edges, updated: instant(row, 5)? })
}
