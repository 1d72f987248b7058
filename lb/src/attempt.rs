//! One upstream request: tells its endpoint when it began, was answered and ended.
use crate::clock::{milliseconds, Nanoseconds};
use crate::endpoint::Endpoint;
use crate::outstanding::Ticket;
use crate::settings::Settings;
use crate::table::Table;
use std::sync::Arc;

/// Where a balancer sends an attempt.
pub struct Choice {
    pub endpoint: Arc<Endpoint>,
    pub settings: Settings,
}

/// What Envoy knows of the request while it is under way.
pub trait Request {
    /// `address:port` of the endpoint, once there is a connection.
    fn upstream_address(&self) -> Option<Vec<u8>>;
    fn cluster(&self) -> Option<Vec<u8>>;
}

/// How an attempt was answered.
#[derive(Clone, Copy, PartialEq)]
pub enum Answer {
    Good,
    /// With a status from 500 on that may be the fault of the request as well.
    ServerError,
    /// The endpoint itself says that it cannot answer. `is_server_error`: with a status from 500 on.
    Failed {
        is_server_error: bool,
    },
}

pub struct Attempt {
    began: Nanoseconds,
    place: Option<(Choice, Ticket)>,
    answered: bool,
}

impl Attempt {
    pub fn begin(choice: Option<Choice>, now: Nanoseconds) -> Self {
        let place = choice.map(|choice| {
            let ticket = choice.endpoint.outstanding.begin(now);
            (choice, ticket)
        });
        Attempt {
            began: now,
            place,
            answered: false,
        }
    }

    /// The request goes out. One that no balancer chose for goes where a session or another override says.
    pub fn request_headers(&mut self, table: &Table, request: &dyn Request) {
        if self.place.is_none() {
            self.locate(table, request);
        }
    }

    pub fn response_headers(
        &mut self,
        now: Nanoseconds,
        answer: Answer,
        table: &Table,
        request: &dyn Request,
    ) {
        self.locate(table, request);
        self.answered = true;
        let waited = milliseconds(now.saturating_sub(self.began));
        if let Some((Choice { endpoint, settings }, ticket)) = &self.place {
            endpoint.outstanding.answered(ticket);
            if !matches!(
                answer,
                Answer::Good
                    | Answer::Failed {
                        is_server_error: false
                    }
            ) {
                endpoint.failures.error_answered();
            }
            match answer {
                Answer::Failed { .. } => endpoint.estimate.observe_failure(now, waited, settings),
                _ => endpoint.estimate.observe(now, waited, settings),
            }
        }
    }

    /// A failure that is told after the answer, as gRPC does.
    pub fn response_trailers(&mut self, now: Nanoseconds, answer: Answer) {
        if let (Answer::Failed { .. }, Some((Choice { endpoint, settings }, _))) = (answer, &self.place) {
            endpoint.estimate.observe_failure(now, 0.0, settings);
        }
    }

    /// Without an answer it waited for nothing, or the client left; balancers hear of failed connections from Envoy.
    pub fn end(&mut self, now: Nanoseconds) {
        if let Some((Choice { endpoint, settings }, ticket)) = self.place.take() {
            if self.answered {
                endpoint.failures.answered_ended();
            } else {
                let waited = milliseconds(now.saturating_sub(self.began));
                endpoint.estimate.observe_at_least(now, waited, &settings);
            }
            endpoint.outstanding.end(ticket);
        }
    }

    /// Moves to the endpoint that the request has really gone to.
    fn locate(&mut self, table: &Table, request: &dyn Request) {
        let address = request.upstream_address();
        if address.as_deref() == self.place.as_ref().map(|(choice, _)| &*choice.endpoint.address) {
            return;
        }
        if let Some(choice) = address.and_then(|address| found(table, request, &address)) {
            if let Some((left, ticket)) = self.place.take() {
                left.endpoint.outstanding.end(ticket);
            }
            let ticket = choice.endpoint.outstanding.begin(self.began);
            self.place = Some((choice, ticket));
        }
    }
}

fn found(table: &Table, request: &dyn Request, address: &[u8]) -> Option<Choice> {
    let cluster = table.find(&request.cluster()?)?;
    Some(Choice {
        endpoint: cluster.find(address)?,
        settings: cluster.settings(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::MILLISECOND;

    const FAILED: Answer = Answer::Failed {
        is_server_error: true,
    };

    struct To(Option<&'static str>);

    impl Request for To {
        fn upstream_address(&self) -> Option<Vec<u8>> {
            self.0.map(Into::into)
        }
        fn cluster(&self) -> Option<Vec<u8>> {
            Some(b"c".to_vec())
        }
    }

    struct World {
        table: Table,
        endpoints: Vec<Arc<Endpoint>>,
        _cluster: Arc<crate::table::Cluster>,
    }

    fn world() -> World {
        let table = Table::new();
        let cluster = table.join(b"c", Settings::default());
        let endpoints = cluster.endpoints(&[b"a".to_vec().into(), b"b".to_vec().into()], 1, 1);
        World {
            table,
            endpoints,
            _cluster: cluster,
        }
    }

    impl World {
        fn begin(&self) -> Attempt {
            let choice = Choice {
                endpoint: self.endpoints[0].clone(),
                settings: Settings::default(),
            };
            Attempt::begin(Some(choice), 1)
        }

        fn latency(&self, endpoint: usize) -> Option<f32> {
            self.endpoints[endpoint]
                .estimate
                .at(1, &Settings::default())
                .map(f32::round)
        }

        fn outstanding(&self) -> Vec<u32> {
            self.endpoints
                .iter()
                .map(|endpoint| endpoint.outstanding.count())
                .collect()
        }
    }

    #[test]
    fn the_time_until_the_answer_is_the_sample_and_the_attempt_goes_on_until_its_end() {
        let world = world();
        let mut attempt = world.begin();
        attempt.response_headers(20 * MILLISECOND, Answer::Good, &world.table, &To(Some("a")));
        assert_eq!((world.latency(0), world.outstanding()), (Some(20.0), vec![1, 0]));
        attempt.end(900 * MILLISECOND);
        assert_eq!((world.latency(0), world.outstanding()), (Some(20.0), vec![0, 0]));
    }

    #[test]
    fn a_timeout_is_a_sample() {
        let world = world();
        world.begin().end(300 * MILLISECOND);
        assert_eq!((world.latency(0), world.outstanding()), (Some(300.0), vec![0, 0]));
    }

    #[test]
    fn failures_look_slow_however_quick_they_are() {
        let world = world();
        let mut attempt = world.begin();
        attempt.response_headers(2, FAILED, &world.table, &To(Some("a")));
        attempt.end(3);
        assert_eq!(world.latency(0), Some(1_000.0));
        let mut attempt = world.begin();
        attempt.response_headers(2, Answer::Good, &world.table, &To(Some("a")));
        attempt.response_trailers(3, FAILED);
        attempt.end(3);
        assert!(world.latency(0) > Some(1_500.0));
    }

    #[test]
    fn an_attempt_counts_where_it_has_really_gone() {
        let world = world();
        let mut attempt = world.begin();
        attempt.response_headers(20 * MILLISECOND, Answer::Good, &world.table, &To(Some("b")));
        assert_eq!(
            (world.latency(0), world.latency(1), world.outstanding()),
            (None, Some(20.0), vec![0, 1])
        );
        let mut chosen_elsewhere = Attempt::begin(None, 1);
        chosen_elsewhere.request_headers(&world.table, &To(Some("b")));
        assert_eq!(world.outstanding(), vec![0, 2]);
        attempt.end(1);
        chosen_elsewhere.end(1);
        assert_eq!(world.outstanding(), vec![0, 0]);
    }

    #[test]
    fn an_endpoint_that_nobody_knows_is_no_matter() {
        let world = world();
        let mut attempt = Attempt::begin(None, 1);
        attempt.request_headers(&world.table, &To(None));
        attempt.response_headers(2, Answer::Good, &world.table, &To(Some("elsewhere")));
        attempt.end(3);
        assert_eq!(world.outstanding(), vec![0, 0]);
    }
}
