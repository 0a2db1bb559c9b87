//! Is it any good? Matching, average precision, confusion, events, intervals. Pure.
