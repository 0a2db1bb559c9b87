//! What one of several stations does at a time: it would only be done twice.

use super::database::{Connection, Pool, Transaction, postgres};
use super::{Store, StoreError};

/// Something that one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// Removes what has had its time.
    Tidy,
    /// Looks whether something has shifted.
    Inspect,
    /// Brings cameras into trials and out of them.
    Conduct,
    /// Carries rollouts of models out.
    Rollout,
}

impl Store {
    /// Does a duty, unless another station is at it: then it is `None`.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn on_duty<T>(
        &self,
        duty: Duty,
        work: impl Future<Output = T>,
    ) -> Result<Option<T>, StoreError> {
        let Pool::Postgres(..) = self.writing else { return Ok(Some(work.await)) };
        let mut connection = self.writing.acquire().await.map_err(|error| self.fault(&error))?;
        let taken = taken(&mut connection, duty).await.map_err(|error| self.fault(&error))?;
        let Some(held) = taken else { return Ok(None) };
        let done = work.await;
        // Where that fails the lock ends with the connection.
        let _ = held.rollback().await;
        Ok(Some(done))
    }
}

/// By a lock that ends with its transaction, whatever becomes of the station.
async fn taken(connection: &mut Connection, duty: Duty) -> sqlx::Result<Option<Transaction<'_>>> {
    let mut transaction = connection.begin_beside().await?;
    let lock = match duty {
        Duty::Tidy => postgres::TIDIES,
        Duty::Inspect => postgres::INSPECTS,
        Duty::Conduct => postgres::CONDUCTS,
        Duty::Rollout => postgres::ROLLS_OUT,
    };
    Ok(postgres::is_free(&mut transaction, lock).await?.then_some(transaction))
}
