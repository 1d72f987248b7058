//! What the balancers know now, as JSON: for `heddle endpoints`.
use crate::clock::Nanoseconds;
use crate::endpoint::Endpoint;
use crate::settings::Settings;
use crate::table::Table;
use std::fmt::Write;

/// `[{"name", "endpoints": [{"address", "latencyMs", "outstanding", "waitMs"}]}]`, `latencyMs` null before an answer.
pub fn report(table: &Table, now: Nanoseconds) -> String {
    let clusters = table.clusters().into_iter().map(|cluster| {
        let settings = cluster.settings();
        let endpoints: Vec<_> = cluster
            .all()
            .iter()
            .map(|endpoint| endpoint_json(endpoint, now, &settings))
            .collect();
        format!(
            "{{\"name\":{},\"endpoints\":[{}]}}",
            quoted(&cluster.name),
            endpoints.join(",")
        )
    });
    format!("[{}]\n", clusters.collect::<Vec<_>>().join(",\n"))
}

fn endpoint_json(endpoint: &Endpoint, now: Nanoseconds, settings: &Settings) -> String {
    let latency = match endpoint.estimate.at(now, settings) {
        Some(milliseconds) => format!("{milliseconds:.3}"),
        None => "null".into(),
    };
    let wait = crate::clock::milliseconds(endpoint.outstanding.longest_wait(now, settings.max_age));
    format!(
        "{{\"address\":{},\"latencyMs\":{latency},\"outstanding\":{},\"waitMs\":{wait:.3}}}",
        quoted(&endpoint.address),
        endpoint.outstanding.count(),
    )
}

fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for character in String::from_utf8_lossy(bytes).chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            control if control < ' ' => {
                let _ = write!(text, "\\u{:04x}", control as u32);
            }
            other => text.push(other),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_and_endpoints_are_told_in_order() {
        let table = Table::new();
        let settings = Settings::default();
        let cluster = table.join(b"outbound|80||\"odd\"\n", settings);
        let endpoints = cluster.endpoints(
            &[b"10.0.0.2:80".to_vec().into(), b"10.0.0.1:80".to_vec().into()],
            1,
            1,
        );
        endpoints[0].estimate.observe(1, 4.5, &settings);
        let _ticket = endpoints[0].outstanding.begin(1);
        assert_eq!(
            report(&table, 1_000_001),
            "[{\"name\":\"outbound|80||\\\"odd\\\"\\u000a\",\"endpoints\":[\
             {\"address\":\"10.0.0.1:80\",\"latencyMs\":null,\"outstanding\":0,\"waitMs\":0.000},\
             {\"address\":\"10.0.0.2:80\",\"latencyMs\":4.500,\"outstanding\":1,\"waitMs\":1.000}]}]\n"
        );
    }
}
