//! Writes series in the form of OpenMetrics, by prometheus-client.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;

/// Name and value of labels. Nothing in a value is escaped: they are words of ours.
pub type Labels<'a> = Vec<(&'static str, &'a str)>;

/// Writes one family after the other.
pub struct Series<'a> {
    encoder: DescriptorEncoder<'a>,
}

impl<'a> Series<'a> {
    /// On the page that is being written.
    pub fn new(encoder: DescriptorEncoder<'a>) -> Series<'a> {
        Series { encoder }
    }

    /// One counter; `_total` is added to its name.
    pub fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        ConstCounter::new(value).encode(self.encoder.encode_descriptor(
            name,
            help,
            None,
            MetricType::Counter,
        )?)
    }

    /// A counter for each set of labels.
    pub fn counters<'l>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (Labels<'l>, u64)>,
    ) -> fmt::Result {
        let mut encoder = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in series {
            ConstCounter::new(value).encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }

    /// One gauge; left out where there is no value: nothing is made up.
    pub fn gauge(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        value: impl Into<Option<f64>>,
    ) -> fmt::Result {
        let Some(value) = value.into() else { return Ok(()) };
        let encoder = self.encoder.encode_descriptor(name, help, unit.as_ref(), MetricType::Gauge)?;
        ConstGauge::new(value).encode(encoder)
    }

    /// A gauge for each set of labels.
    pub fn gauges<'l>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        series: impl IntoIterator<Item = (Labels<'l>, f64)>,
    ) -> fmt::Result {
        let mut encoder = self.encoder.encode_descriptor(name, help, unit.as_ref(), MetricType::Gauge)?;
        for (labels, value) in series {
            ConstGauge::new(value).encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }

    /// Which of `names` is in force: 1 for that one, 0 for the others, so that each can be counted over time.
    pub fn one_of(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        names: &[&str],
        now: Option<&str>,
    ) -> fmt::Result {
        let value = |name: &str| if Some(name) == now { 1.0 } else { 0.0 };
        self.gauges(name, help, None, names.iter().map(|&name| (vec![(label, name)], value(name))))
    }

    /// A histogram of seconds for each set of labels.
    pub fn histograms<'l>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (Labels<'l>, &'l Histogram)>,
    ) -> fmt::Result {
        let seconds = Unit::Seconds;
        let mut encoder =
            self.encoder.encode_descriptor(name, help, Some(&seconds), MetricType::Histogram)?;
        for (labels, histogram) in series {
            if labels.is_empty() {
                return histogram.encode(encoder);
            }
            histogram.encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
