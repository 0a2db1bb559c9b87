//! What is made from a station's database without the station: reports and exports.

use std::collections::HashMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::TimeZone;

use super::export::{self, ExportError, Exported};
use super::report::html::{Drawing, document, lines};
use super::report::{Report, Wanted};
use super::store::{Address, PictureKey, Store, StoreError};

/// A report as figures, as a page, and as a few lines.
pub struct Made {
    /// The figures.
    pub report: Report,
    /// A page with nothing beside it.
    pub html: String,
    /// What a superintendent reads.
    pub text: String,
}

/// Makes the report of a time.
///
/// # Errors
/// What is wrong with the database.
pub fn report_of(database: &Address, wanted: &Wanted) -> Result<Made, StoreError> {
    alone(database, async {
        let store = Store::look(database).await?;
        let report = Report::of(&store.evidence(wanted.period).await?, wanted);
        let mut pictures = HashMap::new();
        for mistake in &report.worst {
            let key = mistake.key.parse::<PictureKey>();
            let jpeg = match &key {
                Ok(key) => store.jpeg_of(key).await?,
                Err(()) => None,
            };
            let source = jpeg.map(|jpeg| format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg)));
            pictures.extend(source.map(|source| (mistake.key.clone(), source)));
        }
        let picture = |key: &str| pictures.get(key).cloned();
        let html =
            document(&Drawing { report: &report, zone: &wanted.zone, picture: &picture }).unwrap_or_default();
        let text = lines(&report);
        Ok(Made { report, html, text })
    })
}

/// Writes what people labelled as data sets; see [`export::export`].
///
/// # Errors
/// What is wrong with database or folder.
pub fn export(
    database: &Address,
    folder: &Path,
    zone: &TimeZone,
    simulated: bool,
) -> Result<Exported, ExportError> {
    alone(database, export::export(database, folder, zone, simulated))
}

/// Runs what is asked for once, without a station around it.
fn alone<T, E: From<StoreError>>(
    database: &Address,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    runtime.map_err(|error| database.unusable(&error))?.block_on(work)
}
