//! The ranger's desk and the tools around it, against a real Mosquitto.

#![allow(clippy::unwrap_used, reason = "a test program: what cannot be set up is a failure")]

mod support;

use support::Broker;

#[test]
fn a_broker_of_our_own_comes_goes_and_comes_back() {
    let mut broker = Broker::start();
    broker.publish("bearwatch/v1/creek/north/alert", b"junk");
    assert!(broker.log().contains("running"), "{}", broker.log());
    broker.kill();
    broker.start_again();
    broker.publish("bearwatch/v1/creek/north/alert", b"junk");
}
