use super::*;
use crate::perceive::frame::Stamp;
use crate::publish::message::{BootId, Envelope};
use crate::system::clock::Clock;

const HOUR: Duration = Duration::from_secs(3600);

fn settings(mb: u64) -> FieldSettings {
    FieldSettings { mb, mb_a_day: 240.0, ..FieldSettings::default() }
}

fn record(properties: &[(&str, &str)], bytes: usize) -> Vec<u8> {
    let envelope = Envelope::now(Clock::start(), &BootId("b1".into()), 7);
    let properties = properties.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Record::audit(&envelope, properties, Stamp::default(), vec![0xff; bytes]).encode().unwrap()
}

fn names(store: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder(store)).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_is_kept_outlives_a_power_cut_and_goes_when_the_broker_has_it() {
    let store = tempfile::tempdir().unwrap();
    let mut field = Field::open(store.path(), &settings(10));
    let first = record(&[("kept", "alert")], 500);
    field.keep(Reason::Alert, &first, HOUR);
    field.keep(Reason::NearMiss, &record(&[("kept", "near-miss")], 500), HOUR);
    // The cut comes; a third one was never whole.
    drop(field);
    fs::write(folder(store.path()).join(".tmpX1"), "half").unwrap();
    let mut field = Field::open(store.path(), &settings(10));
    assert_eq!(names(store.path()).len(), 2, "{:?}", names(store.path()));
    let (number, bytes) = field.next(HOUR).unwrap();
    assert_eq!(bytes, first);
    assert_eq!(field.next(HOUR).unwrap().0, number, "until the broker has it");
    field.sent(number);
    let mut field = Field::open(store.path(), &settings(10));
    let (next, _) = field.next(HOUR).unwrap();
    assert!(next > number);
    field.keep(Reason::Asked, &first, HOUR);
    assert_eq!(field.message().pictures, BTreeMap::from([(Reason::NearMiss, 1), (Reason::Asked, 1)]));
}

#[test]
fn what_is_not_kept_is_counted_with_its_cause() {
    let store = tempfile::tempdir().unwrap();
    let mut field = Field::open(store.path(), &FieldSettings { mb_a_day: 24.0, ..settings(1) });
    let large = record(&[], 700_000);
    field.keep(Reason::NearMiss, &large, HOUR);
    field.keep(Reason::Alert, &large, HOUR);
    field.keep(Reason::NearMiss, &large, HOUR);
    let dropped = field.message().dropped;
    assert_eq!(dropped[&Reason::NearMiss], BTreeMap::from([(Cause::Room, 1), (Cause::Wear, 1)]));
    assert_eq!(names(store.path()).len(), 1);
    let blocked = tempfile::tempdir().unwrap();
    fs::write(folder(blocked.path()), "in the way").unwrap();
    let mut field = Field::open(blocked.path(), &settings(1));
    field.keep(Reason::Alert, &record(&[], 10), HOUR);
    assert_eq!(field.message().dropped[&Reason::Alert], BTreeMap::from([(Cause::Disk, 1)]));
    assert_eq!(field.next(HOUR), None);
}

#[test]
fn a_sample_that_was_thinned_says_with_which_probability_it_is_left() {
    let store = tempfile::tempdir().unwrap();
    let mut field = Field::open(store.path(), &settings(1));
    for _ in 0..20 {
        field.keep(
            Reason::Random,
            &record(&[("audit", "random"), ("probability", "1.000000e-2")], 100_000),
            HOUR,
        );
    }
    let dropped = field.message().dropped[&Reason::Random][&Cause::Room];
    assert!(dropped >= 9, "{dropped}");
    // Over a restart the same is said.
    let told = |field: &mut Field| {
        let record = Record::decode(&field.next(HOUR).unwrap().1).unwrap();
        (record.property("probability").unwrap().to_owned(), record.property("room").unwrap().to_owned())
    };
    let before = told(&mut field);
    assert_eq!(told(&mut Field::open(store.path(), &settings(1))), before);
    let (probability, room) = (before.0.parse::<f64>().unwrap(), before.1.parse::<f64>().unwrap());
    assert!((probability - 0.01 * room).abs() < 1e-7 && room < 1.0, "{before:?}");
}
