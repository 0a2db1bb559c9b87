use super::*;

fn notices(causes: &[Cause]) -> Vec<Notice> {
    let notice = |(id, cause): (i64, &Cause)| Notice {
        id,
        alert: format!("b1-{id}"),
        cause: cause.clone(),
        tries: 0,
        made_ms: id,
    };
    (1..).zip(causes).map(notice).collect()
}

fn sent(causes: &[Cause], most: Option<usize>, before: usize) -> Vec<i64> {
    match next(notices(causes), most, before, CALM_MS + 10) {
        Next::Nothing => Vec::new(),
        Next::Send(notices) => notices.iter().map(|notice| notice.id).collect(),
    }
}

#[test]
fn the_last_place_of_a_minute_takes_all_that_wait() {
    use Cause::{Opened, Picture};
    let many = [Opened, Picture, Opened, Opened];
    assert_eq!(sent(&many, Some(3), 0), [1]);
    assert_eq!(sent(&many, Some(3), 2), [1, 3, 4]);
    assert_eq!(sent(&many, Some(3), 3), [0; 0]);
    assert_eq!(sent(&many[..1], Some(3), 2), [1]);
    assert_eq!(sent(&many, None, 1000), [1]);
    assert_eq!(sent(&[], Some(3), 0), [0; 0]);
}

#[test]
fn a_storm_is_waited_for_and_not_for_ever() {
    let others = [Cause::Opened, Cause::Opened];
    let at = |now_ms| next(notices(&others), Some(2), 1, now_ms) != Next::Nothing;
    assert!(!at(CALM_MS) && at(CALM_MS + 2));
    let mut storm = notices(&others);
    storm[1].made_ms = ENOUGH_MS;
    assert_ne!(next(storm, Some(2), 1, ENOUGH_MS + 1), Next::Nothing);
}

#[test]
fn pictures_give_way() {
    use Cause::{Opened, Picture};
    assert_eq!(sent(&[Picture, Opened], Some(4), 0), [2]);
    assert_eq!(sent(&[Picture], Some(4), 1), [1]);
    assert_eq!(sent(&[Picture], Some(4), 2), [0; 0], "half of the places are for what is urgent");
    assert_eq!(sent(&[Picture], Some(1), 0), [1]);
    assert_eq!(sent(&[Picture], None, 0), [1]);
}
