//! Logs: `tracing` for eyes or for collectors.

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;
use crate::config::ServerConfig;

/// Starts logging to stderr; a second call in one process changes nothing.
pub(crate) fn start(config: &ServerConfig) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.log)
        .map_err(|error| anyhow::anyhow!("server.log is no filter: {error}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _ = match config.log_format {
        LogFormat::Human => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    Ok(())
}
