//! Asked to end by a person (Ctrl-C) or by the system (SIGTERM).

use super::stop::Stop;

/// Raises `stop` at the first signal. A second one ends the process at once: whoever insists is right, and what matters is
/// on disk.
///
/// # Errors
/// Where the thread or the handlers cannot be set up.
#[allow(clippy::disallowed_methods, reason = "nobody drains anything any more when a person insists")]
pub fn raise_on_signal(stop: Stop) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            if let Err(error) = wait().await {
                tracing::error!("signals are not handled: {error}");
                return;
            }
            tracing::info!("asked to end");
            stop.raise();
            if wait().await.is_ok() {
                std::process::exit(130);
            }
        });
    })?;
    Ok(())
}

async fn wait() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
